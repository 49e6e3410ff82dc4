// The data order of an epoch: a permutation of [0, count) that is a pure
// function of (seed, epoch). Nothing is stored, so any device can compute any
// position of any epoch directly.
//
// A balanced Feistel network (Luby & Rackoff 1988) permutes the numbers of 2k
// bits. A result >= count is permuted again until it is < count ("cycle
// walking", Black & Rogaway 2002).
#pragma once

#include <cstdint>

#include "base/rng.hpp"

namespace vae {

struct Order {
  std::uint64_t seed = 0, epoch = 0, count = 0;

  static constexpr std::uint32_t kRounds = 8;

  bool operator==(const Order&) const = default;

  /// The row at `position`; position < count.
  VAE_HD_MEMBER std::uint64_t operator()(std::uint64_t position) const {
    const std::uint32_t half = half_bits();
    std::uint64_t value = position;
    do {
      value = permute(value, half);
    } while (value >= count);
    return value;
  }

 private:
  /// k, such that 2k bits hold every position. At least 2, because one-bit
  /// halves mix badly.
  VAE_HD_MEMBER std::uint32_t half_bits() const {
    std::uint32_t half = 2;
    while (half < 32 && (std::uint64_t{1} << (2 * half)) < count) ++half;
    return half;
  }

  VAE_HD_MEMBER std::uint64_t permute(std::uint64_t value,
                                      std::uint32_t half) const {
    const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
    const NoiseKey key{seed, Stream::order, epoch};
    std::uint64_t left = value >> half, right = value & mask;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const Words words =
          random_words(key, static_cast<std::uint32_t>(right), round);
      const std::uint64_t mixed = left ^ (words.x[0] & mask);
      left = right;
      right = mixed;
    }
    return (left << half) | right;
  }
};

}  // namespace vae
