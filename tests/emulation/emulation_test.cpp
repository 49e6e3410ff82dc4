// The emulation itself: every thread runs once, barriers work, and errors of
// kernels are found. The last case has a race on purpose and is run only under
// the thread sanitizer.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <numeric>

#include "emulation/memory.hpp"
#include "emulation/wrong.hpp"
#include "kernels/unfused_support.hpp"
#include "unit/testing.hpp"

namespace vae::emulation {
namespace {

using engine::kernel_device;
using engine::On;
using testing::says;

constexpr std::int64_t kThreads = 128;

/// 0, 1, 2, … turned around in three blocks.
bool turned(bool wrong) {
  constexpr std::int64_t kBlocks = 3;
  std::vector<float> values(kBlocks * kThreads);
  std::iota(values.begin(), values.end(), 0.0f);
  const On<float> from(kernel_device(), values);
  const On<float> to(kernel_device(), kBlocks * kThreads);
  turn_around(from.data(), to.data(), kBlocks, wrong);
  for (auto block = values.begin(); block != values.end(); block += kThreads)
    std::reverse(block, block + kThreads);
  return to.read() == values;
}

std::vector<unsigned> turns_of(std::int64_t blocks) {
  const On<unsigned> next(kernel_device(), std::vector<unsigned>{0});
  const On<unsigned> turns(kernel_device(), blocks);
  const On<unsigned> hits(
      kernel_device(),
      std::vector<unsigned>(static_cast<std::size_t>(blocks * kThreads)));
  visit({next.data(), turns.data(), hits.data()}, blocks);
  for (const unsigned hit : hits.read()) REQUIRE_EQ(hit, 1);
  return turns.read();
}

TEST_CASE("every thread runs once; the order of blocks varies") {
  const auto once = turns_of(37), again = turns_of(37);
  CHECK(once != again);
  auto all = again;
  std::sort(all.begin(), all.end());
  for (unsigned i = 0; i < 37; ++i) CHECK_EQ(all[i], i);
  shuffle_blocks(5);
  const auto seeded = turns_of(37);
  shuffle_blocks(5);
  CHECK(turns_of(37) == seeded);
  shuffle_blocks(0);
  const auto plain = turns_of(37);
  CHECK(std::is_sorted(plain.begin(), plain.end()));
  shuffle_blocks(1);
}

TEST_CASE("threads of a block meet at a barrier") { CHECK(turned(false)); }

TEST_CASE("threads that end are not waited for") {
  const On<unsigned> count(kernel_device(), std::vector<unsigned>{0});
  end_early(count.data(), 3);
  CHECK_EQ(cudaGetLastError(), cudaSuccess);
  CHECK_EQ(count.read()[0], 3 * kThreads / 2);
}

TEST_CASE("a kernel that throws is a failed launch, without a hang") {
  throw_in_one(2);
  CHECK_EQ(cudaPeekAtLastError(), cudaErrorLaunchFailure);
  CHECK_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  CHECK_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_CASE("a grid that CUDA refuses is refused") {
  end_early(nullptr, 0);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  // By a device, as an error.
  engine::RowSource none;
  none.place = engine::Place::resident;
  engine::Device& device = kernel_device();
  const std::string text = testing::error_of(Status::device, [&] {
    device.operations().latent({nullptr, nullptr, nullptr, nullptr, 0, 3});
  });
  says(text, "invalid configuration");
}

TEST_CASE("a write before or behind an allocation is reported once") {
  for (const std::int64_t count : {1, 7, 64, 100}) {
    CAPTURE(count);
    const On<float> memory(kernel_device(), count);
    fill(memory.data(), 0, count);
    CHECK_EQ(written_beside(), "");
    fill(memory.data(), 0, count + 1);
    says(written_beside(),
         "behind the " + std::to_string(count * 4) + " bytes");
    fill(memory.data(), -1, count);
    says(written_beside(), "before the ");
    CHECK_EQ(written_beside(), "");
    CHECK_EQ(memory.read().back(), static_cast<float>(count - 1));
  }
}

TEST_CASE("an operation that writes outside of an allocation fails") {
  const On<float> buffer(kernel_device(), 10);
  const std::string text = testing::error_of(Status::internal, [&] {
    kernel_device().operations().normals(
        {{1, Stream::eval, 0}, nullptr, 0, 1, 11, 1.0f, buffer.data()});
  });
  says(text, "behind the 40 bytes");
}

TEST_CASE("memory is zeroed, and NaN around it") {
  engine::Device& device = kernel_device();
  const engine::Buffer memory = device.allocate(20);
  std::vector<float> around(7);
  device.download(around.data(), engine::floats(memory) - 1, 28);
  CHECK(std::isnan(around[0]));
  CHECK(std::isnan(around[6]));
  CHECK(std::count(around.begin(), around.end(), 0.0f) == 5);
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 256, 0);
}

TEST_CASE("a host access to the device's memory ends the process") {
  const engine::Buffer memory = kernel_device().allocate(4);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Without a report by doctest or a sanitizer.
    std::signal(SIGSEGV, SIG_DFL);
    *engine::floats(memory) = 1;
    _exit(0);
  }
  int status = 0;
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK_FALSE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

TEST_CASE("a missing barrier" * doctest::skip()) { turned(true); }

}  // namespace
}  // namespace vae::emulation
