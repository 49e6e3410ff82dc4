// Sums of float32 numbers that have the same value in whichever order they are
// added, so that threads may add with atomics and still give the same bytes:
// numbers are fixed-point, in two integers of which neither can overflow.
#pragma once

#include <cstdint>

#include "base/hd.hpp"

namespace vae::engine {

/// (high * 2^32 + low) * 2^-40. Each addend puts less than 2^32 into `low` and
/// less than 2^40 into `high`, a signed number, which holds 2^22 of them.
/// Zero bytes are the sum of nothing.
struct ExactSum {
  unsigned long long low, high;

  /// Set in `low` once an addend was not finite, or too large.
  static constexpr unsigned long long kBroken = 1ull << 62;
};

/// What one number adds to both halves. Resolution is 2^-40 (1e-12), the
/// largest magnitude 2^32.
VAE_HD ExactSum exact_part(double value) {
  const double scaled = value * 0x1p40;
  if (!(scaled < 0x1p72 && scaled > -0x1p72)) return {ExactSum::kBroken, 0};
  double high = scaled * 0x1p-32;
  auto whole = static_cast<long long>(high);
  if (static_cast<double>(whole) > high) whole -= 1;  // floor
  const double low = scaled - static_cast<double>(whole) * 0x1p32;
  return {static_cast<unsigned long long>(low),
          static_cast<unsigned long long>(whole)};
}

/// NaN if an addend was not finite.
VAE_HD double exact_value(const ExactSum& sum) {
  if ((sum.low & ExactSum::kBroken) != 0) return __builtin_nan("");
  return (static_cast<double>(static_cast<long long>(sum.high)) * 0x1p32 +
          static_cast<double>(sum.low)) *
         0x1p-40;
}

}  // namespace vae::engine
