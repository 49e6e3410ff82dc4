// Warps, dynamic shared memory and emulated tensor cores against plain loops;
// mistakes of kernels in their use are found.
#include <algorithm>
#include <bit>
#include <functional>

#include "emulation/wrong.hpp"
#include "engine/math/numbers.hpp"
#include "kernels/unfused_support.hpp"
#include "unit/testing.hpp"

namespace vae::emulation {
namespace {

using engine::kernel_device;
using engine::On;

/// Random numbers that bfloat16 holds.
std::vector<float> bfloat16s(std::int64_t count, std::uint32_t seed) {
  auto values = engine::random_floats(count, seed);
  for (float& value : values)
    value = engine::from_bfloat16(engine::to_bfloat16(value));
  return values;
}

/// c [m, n] = a [m, k] * b [k, n].
std::vector<float> product(const std::vector<float>& a,
                           const std::vector<float>& b, unsigned m, unsigned k,
                           unsigned n) {
  std::vector<float> c(m * n);
  for (unsigned i = 0; i < m * n; ++i) {
    double sum = 0;
    for (unsigned j = 0; j < k; ++j)
      sum += double{a[i / n * k + j]} * double{b[j * n + i % n]};
    c[i] = static_cast<float>(sum);
  }
  return c;
}

/// Rounding to float after each instruction, of sums of up to 64 products.
void close(float got, float expected) {
  CHECK(std::abs(got - expected) <= 1e-5f * (1 + std::abs(expected)));
}

TEST_CASE("lanes of each warp exchange numbers") {
  const auto values = engine::random_floats(128, 1);
  const On<float> from(kernel_device(), values);
  for (const unsigned mask : {1u, 2u, 16u, 31u}) {
    const On<float> to(kernel_device(), 128);
    shuffle(from.data(), to.data(), static_cast<int>(mask));
    const auto got = to.read();
    for (unsigned i = 0; i < 128; ++i) CHECK_EQ(got[i], values[i ^ mask]);
  }
}

TEST_CASE("warps that wait unequally often meet, without those that ended") {
  for (const unsigned threads : {32u, 100u, 128u}) {
    const On<unsigned> met(kernel_device(), std::vector<unsigned>(threads));
    meet_unevenly(met.data(), threads);
    CHECK_EQ(cudaGetLastError(), cudaSuccess);
    const unsigned ended = (threads + 2) / 3;
    const auto got = met.read();
    for (unsigned i = 0; i < threads; ++i)
      CHECK_EQ(got[i], i % 3 == 0 ? 0 : threads - ended);
  }
}

// The thread sanitizer watches threads, and those do wait for ever.
#if defined(__SANITIZE_THREAD__)
constexpr bool kThreads = true;
#elif defined(__has_feature)
constexpr bool kThreads = __has_feature(thread_sanitizer);
#else
constexpr bool kThreads = false;
#endif

TEST_CASE("barriers that are never full fail the launch" *
          doctest::skip(kThreads)) {
  CHECK_EQ(wait_for_ever(), cudaErrorLaunchFailure);
  CHECK_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
}

/// The layout that the PTX ISA gives for m16n8: `depth` is k, of which a
/// register holds `each`. a is [16, depth], b [depth, 8].
void check_fragments(unsigned depth, unsigned each, std::vector<float> a,
                     std::vector<float> b) {
  std::vector<std::uint32_t> a_of(128), b_of(64);
  const auto pack = [each](const std::function<float(unsigned)>& value) {
    if (each == 1) return std::bit_cast<std::uint32_t>(value(0));
    return std::uint32_t{engine::to_bfloat16(value(0))} |
           std::uint32_t{engine::to_bfloat16(value(1))} << 16;
  };
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned i = 0; i < 4; ++i)
      a_of[lane * 4 + i] = pack([&](unsigned j) {
        const unsigned row = lane / 4 + i % 2 * 8;
        return a[row * depth + lane % 4 * each + i / 2 * 4 * each + j];
      });
    for (unsigned i = 0; i < 2; ++i)
      b_of[lane * 2 + i] = pack([&](unsigned j) {
        return b[(lane % 4 * each + i * 4 * each + j) * 8 + lane / 4];
      });
  }
  const auto before = engine::random_floats(128, 9);
  const On<std::uint32_t> on_a(kernel_device(), a_of),
      on_b(kernel_device(), b_of);
  const On<float> c(kernel_device(), before);
  multiply_fragments(on_a.data(), on_b.data(), c.data(), each == 1);
  if (each == 1)
    for (auto* values : {&a, &b})
      for (float& x : *values)
        x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & ~0x1FFFu);
  const auto expected = product(a, b, 16, depth, 8);
  const auto got = c.read();
  for (unsigned i = 0; i < 128; ++i) {
    const unsigned lane = i / 4, row = lane / 4 + i % 4 / 2 * 8;
    close(got[i], before[i] + 2 * expected[row * 8 + lane % 4 * 2 + i % 2]);
  }
}

TEST_CASE("a warp multiplies as the PTX ISA lays fragments out") {
  check_fragments(16, 2, bfloat16s(256, 1), bfloat16s(128, 2));
  check_fragments(8, 1, engine::random_floats(128, 3),
                  engine::random_floats(64, 4));
}

TEST_CASE("a warp loads matrices, as they are and transposed") {
  std::vector<std::uint16_t> numbers(256);
  for (unsigned i = 0; i < 256; ++i)
    numbers[i] = static_cast<std::uint16_t>(i * 251);
  const On<std::uint16_t> from(kernel_device(), numbers);
  for (const bool transposed : {false, true}) {
    const On<std::uint32_t> to(kernel_device(), 128);
    load_fragments(from.data(), to.data(), transposed);
    const auto got = to.read();
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 8; ++i) {
        const unsigned row = lane / 4, column = lane % 4 * 2 + i % 2;
        const unsigned place = transposed ? column * 8 + row : row * 8 + column;
        CHECK_EQ(got[lane * 4 + i / 2] >> (i % 2 * 16) & 0xFFFF,
                 numbers[i / 2 * 64 + place]);
      }
  }
}

/// A tile of 64 in k as warpgroups read it: `value(line, k)`, line being a row
/// of a or a column of b, rows of 128 bytes swizzled.
void put_tile(std::vector<unsigned char>& memory, unsigned start,
              unsigned lines, bool transposed,
              const std::function<float(unsigned, unsigned)>& value) {
  for (unsigned line = 0; line < lines; ++line)
    for (unsigned k = 0; k < 64; ++k) {
      const unsigned row = transposed ? line / 64 * 64 + k : line;
      const unsigned column = transposed ? line % 64 : k;
      // Chunks of 16 bytes change places within a row.
      const unsigned chunk = column / 8 ^ row % 8;
      const std::uint16_t bits = engine::to_bfloat16(value(line, k));
      std::memcpy(&memory[start + row * 128 + chunk * 16 + column % 8 * 2],
                  &bits, 2);
    }
}

/// d [128 or 256 threads][n / 2] of a [128, 64] and b [64, n].
std::vector<float> in_warpgroups(const std::vector<float>& a,
                                 const std::vector<float>& b, unsigned n,
                                 bool a_transposed, bool b_transposed,
                                 unsigned warpgroups, bool wait) {
  // Neither a nor b lies at the start, a before b.
  constexpr unsigned kA = 1024, kB = kA + 2 * 8192;
  std::vector<unsigned char> memory(kB + n * 128);
  for (unsigned group = 0; group < 2; ++group)
    put_tile(memory, kA + group * 8192, 64, a_transposed,
             [&](unsigned row, unsigned k) {
               return a[(group * 64 + row) * 64 + k];
             });
  put_tile(memory, kB, n, b_transposed,
           [&](unsigned column, unsigned k) { return b[k * n + column]; });
  const On<unsigned char> shared(kernel_device(), memory);
  const On<float> d(kernel_device(), warpgroups * 64 * n);
  multiply_in_warpgroups(
      {shared.data(), static_cast<std::uint32_t>(memory.size()), kA, kB, 8192,
       4, d.data(), wait},
      warpgroups, static_cast<int>(n), a_transposed, b_transposed);
  CHECK_EQ(cudaGetLastError(), cudaSuccess);
  return d.read();
}

TEST_CASE("warpgroups multiply what lies in shared memory, either way") {
  const auto a = bfloat16s(128 * 64, 5);
  for (const unsigned n : {64u, 128u}) {
    const auto b = bfloat16s(64 * n, 6);
    const auto expected = product(a, b, 128, 64, n);
    for (const unsigned how : {0u, 1u, 2u, 3u}) {
      CAPTURE(n);
      CAPTURE(how);
      const unsigned groups = how == 3 ? 1 : 2;
      const auto got =
          in_warpgroups(a, b, n, how % 2 != 0, how / 2 != 0, groups, true);
      for (unsigned thread = 0; thread < groups * 128; ++thread)
        for (unsigned i = 0; i < n / 2; ++i) {
          const unsigned row =
              thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8;
          const unsigned column = i / 4 * 8 + thread % 4 * 2 + i % 2;
          close(got[thread * (n / 2) + i], expected[row * n + column]);
        }
    }
  }
}

TEST_CASE("a product without a wait has no result") {
  const auto got = in_warpgroups(bfloat16s(128 * 64, 5), bfloat16s(64 * 64, 6),
                                 64, false, false, 1, false);
  CHECK(std::all_of(got.begin(), got.end(), [](float x) { return x == 0; }));
}

TEST_CASE(
    "shared memory is unwritten in each block, and no larger than asked") {
  const On<unsigned> count(kernel_device(), std::vector<unsigned>{0});
  CHECK_EQ(touch_shared(count.data(), 3000, 0), cudaSuccess);
  CHECK_EQ(count.read()[0], 2 * 3000);
  CHECK_EQ(touch_shared(count.data(), 3000, 1), cudaErrorLaunchFailure);
  CHECK_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  CHECK_EQ(touch_shared(count.data(), 3000, 0), cudaSuccess);
  // A launch with none may not ask where it is.
  CHECK_EQ(touch_shared(count.data(), 0, 0), cudaErrorLaunchFailure);
  CHECK_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
}

TEST_CASE("a kernel must request much shared memory first") {
  constexpr int kPlain = 48 << 10, kMost = 227 << 10;
  const On<unsigned> count(kernel_device(), std::vector<unsigned>{0});
  CHECK_EQ(touch_shared(count.data(), kPlain, 0), cudaSuccess);
  CHECK_EQ(touch_shared(count.data(), kPlain + 1, 0), cudaErrorInvalidValue);
  CHECK_EQ(ask_for_shared(kMost + 1), cudaErrorInvalidValue);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  CHECK_EQ(ask_for_shared(kMost), cudaSuccess);
  CHECK_EQ(touch_shared(count.data(), kMost, 0), cudaSuccess);
  CHECK_EQ(touch_shared(count.data(), kMost, 1), cudaErrorLaunchFailure);
  CHECK_EQ(touch_shared(count.data(), kMost + 1, 0), cudaErrorInvalidValue);
  CHECK_EQ(ask_for_shared(0), cudaSuccess);
  CHECK_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

TEST_CASE("copies take effect at the wait; invalid ones give zeros") {
  std::vector<unsigned char> bytes(4096);
  for (unsigned i = 0; i < 4096; ++i)
    bytes[i] = static_cast<unsigned char>(i % 250 + 1);
  const On<unsigned char> from(kernel_device(), bytes);
  for (const int left : {0, 1, 2})
    for (const bool holes : {false, true}) {
      CAPTURE(left);
      const On<unsigned char> to(kernel_device(), std::int64_t{4096});
      copy_through_shared({from.data(), to.data(), left, holes});
      CHECK_EQ(cudaGetLastError(), cudaSuccess);
      const auto got = to.read();
      for (unsigned i = 0; i < 4096; ++i) {
        const bool hole = holes && i / 16 % 2 != 0;
        const bool arrived = i / 2048 + static_cast<unsigned>(left) < 2;
        REQUIRE_EQ(got[i], !arrived ? 0xFF : hole ? 0 : bytes[i]);
      }
    }
}

}  // namespace
}  // namespace vae::emulation
