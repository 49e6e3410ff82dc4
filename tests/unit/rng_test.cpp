// The random integers: known answers of the paper's authors (Random123,
// kat_vectors), and different integers for different keys.
#include "base/rng.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>

namespace vae {
namespace {

using Four = std::array<std::uint32_t, 4>;

Four list(const Words& words) {
  return {words.x[0], words.x[1], words.x[2], words.x[3]};
}

TEST_CASE("Philox4x32-10 gives the known answers") {
  CHECK(list(philox(0, {{0, 0, 0, 0}})) ==
        Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(list(philox(~std::uint64_t{0}, {{ones, ones, ones, ones}})) ==
        Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // Digits of pi; the first word of the key is its lower half.
  CHECK(list(philox(0x299f31d0a4093822u,
                    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}})) ==
        Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("every field of a key changes the integers") {
  std::set<Four> seen;
  std::size_t drawn = 0;
  const auto draw = [&](const NoiseKey& key, std::uint32_t row,
                        std::uint32_t block) {
    seen.insert(list(random_words(key, row, block)));
    ++drawn;
  };
  const std::uint64_t steps[]{0, 1, 0xffffffffu, 0x100000000u,
                              (std::uint64_t{1} << 56) - 1};
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1} << 32})
    for (const Stream stream : {Stream::init, Stream::train, Stream::eval,
                                Stream::sample, Stream::order})
      for (const std::uint64_t step : steps)
        for (const std::uint32_t row : {0u, 1u, 0xffffffffu})
          for (const std::uint32_t block : {0u, 1u, 1023u})
            for (const std::uint32_t sample : {0u, 1u, 4095u})
              draw({seed, stream, step, sample}, row, block);
  CHECK_EQ(seen.size(), drawn);
}

TEST_CASE("uniform numbers lie in [0, 1), the lower ends of 2^24 steps") {
  CHECK_EQ(uniform(0), 0.0f);
  CHECK_EQ(uniform(0xff), 0.0f);
  CHECK_EQ(uniform(0x100), 0x1p-24f);
  CHECK_EQ(uniform(0x80000000u), 0.5f);
  CHECK_EQ(uniform(0xffffffffu), 1.0f - 0x1p-24f);
}

}  // namespace
}  // namespace vae
