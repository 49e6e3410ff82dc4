// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
// as 1, 2, 3", 2011): a counter-based generator. The integers are a pure
// function of key and counter: there is no state to save, and every device and
// every split of a batch gets the same integers. Not for cryptography.
#pragma once

#include <cstdint>

#include "base/hd.hpp"

namespace vae {

/// Purpose of a number; part of the counter, so streams never overlap.
enum class Stream : std::uint32_t {
  init = 1,    // row: trainable parameter, element: position in it
  train = 2,   // row: image of the global batch, element: latent dimension
  eval = 3,    // row: image of the dataset; step 0
  sample = 4,  // row: image of the sequence; step 0
  order = 5,   // rounds of the dataset's permutation; step: epoch
};

struct Words {
  std::uint32_t x[4];
};

VAE_HD void philox_round(Words& c, std::uint32_t k0, std::uint32_t k1) {
  const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c.x[0];
  const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c.x[2];
  const Words next{{static_cast<std::uint32_t>(p1 >> 32) ^ c.x[1] ^ k0,
                    static_cast<std::uint32_t>(p1),
                    static_cast<std::uint32_t>(p0 >> 32) ^ c.x[3] ^ k1,
                    static_cast<std::uint32_t>(p0)}};
  c = next;
}

VAE_HD Words philox(std::uint64_t key, Words counter) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    philox_round(counter, k0, k1);
    k0 += 0x9E3779B9u;  // Weyl sequence of the paper
    k1 += 0xBB67AE85u;
  }
  return counter;
}

/// Counter and key of a sequence, except its row and element.
struct NoiseKey {
  std::uint64_t seed;
  Stream stream;
  std::uint64_t step;  // below 2^56
  std::uint32_t sample = 0;
};

/// The integers of elements 4 * block … 4 * block + 3 of a row. With samples,
/// a row has fewer than 2^22 elements.
VAE_HD Words random_words(const NoiseKey& key, std::uint32_t row,
                          std::uint32_t block) {
  const Words counter{
      {block + (key.sample << 20), row, static_cast<std::uint32_t>(key.step),
       (static_cast<std::uint32_t>(key.stream) << 24) |
           (static_cast<std::uint32_t>(key.step >> 32) & 0xFFFFFFu)}};
  return philox(key.seed, counter);
}

/// Uniform in [0, 1), a multiple of 2^-24, so exact in float.
VAE_HD float uniform(std::uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

}  // namespace vae
