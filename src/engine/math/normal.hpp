// Standard normal numbers from integers (Box and Muller 1958), in float32, by
// polynomials of our own: libm and CUDA's math differ, these do not. Within
// 1e-6 of the exact value.
#pragma once

#include <cmath>

#include "base/rng.hpp"

namespace vae::engine {

/// ln(u) for u = (bits + 1/2) / 2^32. Close to u = 1 the distance 1 - u is
/// taken from the integer, because u itself has rounded it away.
VAE_HD float log_unit(std::uint32_t bits) {
  float exponent = 0.0f;
  float z;  // u = 2^exponent * (1 + z), z in [sqrt(1/2) - 1, sqrt(2) - 1]
  if (bits >= 0xB504F334u) {
    z = -((static_cast<float>(~bits) + 0.5f) * 0x1p-32f);
  } else {
    float m = static_cast<float>(bits) + 0.5f;
    exponent = -32.0f;
    // Halving a float is exact, so this loop loses nothing.
    while (m >= 1.41421356f) {
      m *= 0.5f;
      exponent += 1.0f;
    }
    if (m < 0.70710678f) {  // only u = 2^-33
      m *= 2.0f;
      exponent -= 1.0f;
    }
    z = m - 1.0f;
  }
  // ln(1 + z) = z - z^2/2 + z^3 P(z); coefficients of Cephes' logf.
  float p = 7.0376836292e-2f;
  p = std::fma(p, z, -1.1514610310e-1f);
  p = std::fma(p, z, 1.1676998740e-1f);
  p = std::fma(p, z, -1.2420140846e-1f);
  p = std::fma(p, z, 1.4249322787e-1f);
  p = std::fma(p, z, -1.6668057665e-1f);
  p = std::fma(p, z, 2.0000714765e-1f);
  p = std::fma(p, z, -2.4999993993e-1f);
  p = std::fma(p, z, 3.3333331174e-1f);
  const float z2 = z * z;
  float y = z * z2 * p;
  y = std::fma(exponent, -2.12194440e-4f, y);  // ln 2 in two parts
  y = std::fma(-0.5f, z2, y);
  return std::fma(exponent, 0.693359375f, z + y);
}

/// sin and cos of 2 pi bits / 2^32. The octant comes from the integer, so the
/// reduction is exact.
VAE_HD void sincos_turn(std::uint32_t bits, float* sine, float* cosine) {
  // Nearest multiple of a quarter turn, and the signed rest within an eighth.
  const std::uint32_t quarter = (bits + 0x20000000u) >> 30;
  const auto rest = static_cast<std::int32_t>(bits - (quarter << 30));
  const float a = static_cast<float>(rest) * (6.283185307f * 0x1p-32f);
  const float a2 = a * a;
  float s = -1.9515295891e-4f;  // Cephes' sinf and cosf on [-pi/4, pi/4]
  s = std::fma(s, a2, 8.3321608736e-3f);
  s = std::fma(s, a2, -1.6666654611e-1f);
  s = std::fma(s * a2, a, a);
  float c = 2.443315711809948e-5f;
  c = std::fma(c, a2, -1.388731625493765e-3f);
  c = std::fma(c, a2, 4.166664568298827e-2f);
  c = std::fma(c * a2, a2, std::fma(-0.5f, a2, 1.0f));
  const bool swap = (quarter & 1u) != 0;
  const float x = swap ? s : c;
  const float y = swap ? c : s;
  *cosine = quarter == 1 || quarter == 2 ? -x : x;
  *sine = quarter >= 2 ? -y : y;
}

/// Two independent standard normal numbers.
VAE_HD void normal_pair(std::uint32_t a, std::uint32_t b, float* out) {
  const float radius = std::sqrt(-2.0f * log_unit(a));
  float sine, cosine;
  sincos_turn(b, &sine, &cosine);
  out[0] = radius * cosine;
  out[1] = radius * sine;
}

/// Elements 4 * block … 4 * block + 3 of a row.
VAE_HD void normal_block(const NoiseKey& key, std::uint32_t row,
                         std::uint32_t block, float out[4]) {
  const Words words = random_words(key, row, block);
  normal_pair(words.x[0], words.x[1], out);
  normal_pair(words.x[2], words.x[3], out + 2);
}

}  // namespace vae::engine
