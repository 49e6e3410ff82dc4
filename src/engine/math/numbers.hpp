// Numbers: exp, ln(1 + t) and the logistic function; bfloat16 and the bytes of
// pixels as floats, and back. In float32 the functions are polynomials of plain
// multiplications and additions: compilers vectorise them, and every
// instruction set gives the same bits. In double, the reference, they are libm.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/hd.hpp"

namespace vae::engine {

VAE_HD double exponential(double x) { return std::exp(x); }
VAE_HD double log1p_unit(double t) { return std::log1p(t); }

/// Relative error below 2e-7. Outside ±87 the result stays finite: it
/// saturates, so that a safe clamp costs no branch.
VAE_HD float exponential(float x) {
  const float low = -87.0f, high = 88.0f;
  // NaN passes through both comparisons unchanged.
  const float y = x < low ? low : (x > high ? high : x);
  const float shifted = y * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: rounds
  const float n = shifted - 12582912.0f;
  const float r = (y - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;  // coefficients of Cephes' expf
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * r) * r + r + 1.0f;
  // The builtin, because device code may not call std::bit_cast. A product by
  // 2^n, not a sum of exponents: NaN stays NaN, whichever bits it has.
  const auto bits = (__builtin_bit_cast(std::uint32_t, shifted) << 23) +
                    __builtin_bit_cast(std::uint32_t, 1.0f);
  return p * __builtin_bit_cast(float, bits);
}

/// ln(1 + t) for t in [0, 1]: 2 artanh(t / (2 + t)) by its series.
VAE_HD float log1p_unit(float t) {
  const float s = t / (2.0f + t);
  const float s2 = s * s;
  float p = 2.0f / 15.0f;
  p = p * s2 + 2.0f / 13.0f;
  p = p * s2 + 2.0f / 11.0f;
  p = p * s2 + 2.0f / 9.0f;
  p = p * s2 + 2.0f / 7.0f;
  p = p * s2 + 2.0f / 5.0f;
  p = p * s2 + 2.0f / 3.0f;
  p = p * s2 + 2.0f;
  return p * s;
}

template <class T>
VAE_HD T logistic(T x) {
  const T t = exponential(x < T(0) ? x : -x);  // e^-|x|: never overflows
  const T small = t / (T(1) + t);
  return x < T(0) ? small : T(1) / (T(1) + t);
}

// bfloat16, the upper half of a float, as LibTorch and the hardware round it.

/// Rounded to nearest, ties to even; NaN stays NaN.
VAE_HD std::uint16_t to_bfloat16(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FC0;
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >>
                                    16);
}

VAE_HD float from_bfloat16(std::uint16_t bits) {
  return __builtin_bit_cast(float, std::uint32_t{bits} << 16);
}

/// An element of an activation: float, or bfloat16 by its bits.
VAE_HD float read_number(float value) { return value; }
VAE_HD float read_number(std::uint16_t bits) { return from_bfloat16(bits); }
VAE_HD void write_number(float* to, float value) { *to = value; }
VAE_HD void write_number(std::uint16_t* to, float value) {
  *to = to_bfloat16(value);
}

// Pixels between bytes and floats, and between [H, W, C] and [C, H, W].

/// As torchvision's ToTensor.
VAE_HD float pixel_to_float(std::uint8_t byte) {
  return static_cast<float>(byte) / 255.0f;
}

/// As torchvision's save_image: rounded, clipped. NaN gives 0.
VAE_HD std::uint8_t float_to_pixel(float value) {
  const float scaled = value * 255.0f + 0.5f;
  return scaled >= 255.0f ? std::uint8_t{255}
         : scaled > 0.0f  ? static_cast<std::uint8_t>(scaled)
                          : std::uint8_t{0};
}

/// Position in [C][H][W] of element `i` of [H][W][C].
VAE_HD std::int64_t hwc_to_chw(std::int64_t i, std::int64_t channels,
                               std::int64_t pixels) {
  return (i % channels) * pixels + i / channels;
}

}  // namespace vae::engine
