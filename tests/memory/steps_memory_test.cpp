// Steps after the first: the tile engine allocates nothing (except inside
// LibTorch's products; the plain products are used here), and the blocks engine
// frees what it allocates.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "memory/counted_heap.hpp"
#include "tile/plain_products.hpp"
#include "tile/tile_cases.hpp"

namespace vae::engine {
namespace {

/// Growth of the heap itself in some ninety steps. A leak of 3 KiB per step
/// would be more.
constexpr std::int64_t kNothing = std::int64_t{256} << 10;

/// Resident memory of the process.
std::int64_t resident_bytes() {
  long all = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  REQUIRE(file != nullptr);
  CHECK_EQ(std::fscanf(file, "%ld %ld", &all, &resident), 2);
  std::fclose(file);
  return std::int64_t{resident} * sysconf(_SC_PAGESIZE);
}

}  // namespace

TEST_CASE("the counter counts allocations") {
  testing::count_allocations();
  const auto some = std::make_unique<std::vector<float>>(100);
  CHECK_EQ(testing::allocations(), 2);
  const auto more = std::make_unique<int>(1);
  CHECK_EQ(testing::allocations(), 2);
}

TEST_CASE("tile: no step after the first of its size allocates") {
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const std::uint32_t threads : {1u, 3u}) {
      Config config = many_images();
      config.threads = threads;
      config.precision = precision;
      CAPTURE(to_json(config));
      const auto images = striped_images(config, 150);
      const auto s = on_cpu(config, EngineKind::tile);
      const auto steps = [&] {
        for (const std::int64_t count : {150, 69, 3, 150})
          s->step(s->host_rows(images, 0, count), 1);
      };
      steps();
      testing::count_allocations();
      for (int i = 0; i < 5; ++i) steps();
      CHECK_EQ(testing::allocations(), 0);
      CHECK_EQ(s->control().updates, 24);
      CHECK(tile::plain_products_used());
    }
}

TEST_CASE("blocks: memory stays flat") {
  Config config = many_images();
  config.layers = {32, 64};
  config.height = config.width = 28;
  const auto images = striped_images(config, 150);
  const auto s = on_cpu(config, EngineKind::blocks);
  const auto steps = [&](int number) {
    for (int i = 0; i < number; ++i)
      for (const std::int64_t count : {150, 69, 3})
        s->step(s->host_rows(images, 0, count), 1);
  };
  // The heap grows at first; a leak would continue in every step.
  std::int64_t least = INT64_MAX;
  for (int window = 0; window < 5 && least > kNothing; ++window) {
    const std::int64_t before = resident_bytes();
    steps(30);
    least = std::min(least, resident_bytes() - before);
  }
  CHECK_LE(least, kNothing);
}

TEST_CASE("tile: inference allocates memory for its own batch") {
  Config config = many_images();
  config.height = config.width = 64;
  config.max_batch = 256;
  const auto images = striped_images(config, 16);
  const auto s = on_cpu(config, EngineKind::tile);
  std::vector<float> code(static_cast<std::size_t>(config.latent));
  const auto growth = [](auto work) {
    const std::int64_t before = resident_bytes();
    work();
    return resident_bytes() - before;
  };
  RowTarget mean;
  mean.data = code.data();
  mean.count = 1;
  const std::int64_t inference =
      growth([&] { s->engine->encode(s->host_rows(images, 0, 1), mean, {}); });
  const std::int64_t training =
      growth([&] { s->step(s->host_rows(images, 0, 16), 1); });
  CHECK_GT(training, 30 * inference);
}

}  // namespace vae::engine
