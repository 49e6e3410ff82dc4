// exp, ln(1 + t) and the logistic function. In float32 they are polynomials of
// plain multiplications and additions: compilers vectorise them, and every
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

}  // namespace vae::engine
