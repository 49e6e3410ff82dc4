// Errors relative to a bound per element, for kernels whose numbers differ much
// in magnitude.
#pragma once

#include "kernels/gemm_support.hpp"

namespace vae::engine {

/// A sum of products in double, with the magnitude of its terms.
struct Sized {
  Values sum, size;
  explicit Sized(std::int64_t count) : sum(index(count)), size(index(count)) {}
  void add(std::int64_t i, double term) {
    sum[index(i)] += term;
    size[index(i)] += std::abs(term);
  }
};

/// Greatest error as a multiple of what is allowed for its element: `rounding`
/// of the numbers that were added up, and for bfloat16 half a unit of its eight
/// bits.
inline double excess(const Values& got, const Sized& exact, Number number,
                     double rounding) {
  REQUIRE_EQ(got.size(), exact.sum.size());
  const double half_unit = number == Number::bfloat16 ? 0x1p-8 : 0.0;
  double worst = 0;
  for (std::size_t i = 0; i < got.size() && !std::isnan(worst); ++i) {
    const double off = std::abs(got[i] - exact.sum[i]);
    const double allowed =
        rounding * exact.size[i] + half_unit * std::abs(exact.sum[i]);
    // Keeps NaN, and errors of elements that must be exact.
    if (off != 0 && !(off / allowed <= worst)) worst = off / allowed;
  }
  return worst;
}

}  // namespace vae::engine
