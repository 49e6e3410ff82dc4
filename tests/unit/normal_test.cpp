// The normal numbers against the Box-Muller formula in float64, within 1e-6
// (the radius is at most 6.8, so its ulp is 4.8e-7; angle and radius have an
// error of about one ulp each), and the moments of the distribution.
#include "engine/math/normal.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace vae::engine {
namespace {

double unit(std::uint32_t word) { return (double{1.0} * word + 0.5) * 0x1p-32; }

double error(std::uint32_t a, std::uint32_t b) {
  float got[2];
  normal_pair(a, b, got);
  const double radius = std::sqrt(-2 * std::log(unit(a)));
  const double angle = 2 * std::numbers::pi * (b * 0x1p-32);
  const double first = std::abs(double{got[0]} - radius * std::cos(angle));
  const double second = std::abs(double{got[1]} - radius * std::sin(angle));
  // Also false for NaN.
  return first <= 1 && second <= 1 ? std::max(first, second) : 1;
}

/// Ends of the range, where the logarithm changes its formula, octants.
std::vector<std::uint32_t> edge_words() {
  std::vector<std::uint32_t> words;
  for (const std::uint32_t center :
       {0u, 1u << 8, 1u << 23, 1u << 24, 1u << 25, 0x5A82799Au, 0x80000000u,
        0xB504F334u, 0x20000000u, 0x40000000u, 0x60000000u, 0xA0000000u,
        0xC0000000u, 0xE0000000u, 0xFF000000u, 0xFFFFFF00u})
    for (std::uint32_t off = 0; off < 5; ++off)
      words.push_back(center + off - 2u);  // wraps to 2^32 - 1 and below
  return words;
}

TEST_CASE("normals are the exact ones within 1e-6 at every edge") {
  const std::vector<std::uint32_t> words = edge_words();
  for (const std::uint32_t a : words)
    for (const std::uint32_t b : words) {
      const double off = error(a, b);
      if (off > 1e-6) {
        CAPTURE(a);
        CAPTURE(b);
        CHECK_LE(off, 1e-6);
      }
    }
}

TEST_CASE("normals are the exact ones within 1e-6 everywhere else") {
  double worst = 0;
  for (std::uint32_t i = 0; i < 200000; ++i) {
    const Words w = random_words({1, Stream::train, 0}, i, 0);
    // Shifting right makes small values frequent, which are the far tail.
    worst = std::max(
        {worst, error(w.x[0], w.x[1]), error(w.x[2] >> (i % 32), w.x[3])});
  }
  CHECK_LE(worst, 1e-6);
}

TEST_CASE("the logarithm keeps its digits close to 1") {
  for (const std::uint32_t word : {0xFFFFFFFFu, 0xFFFFFFFEu, 0xFFFFFF00u,
                                   0xFFFF0000u, 0xB504F334u, 0xB504F333u}) {
    CAPTURE(word);
    // 1 - u is exact in double, so log1p of it has all digits.
    const double exact =
        std::log1p(-(double{1.0} * (0xFFFFFFFFu - word) + 0.5) * 0x1p-32);
    // Two ulps of float.
    CHECK_EQ(double{log_unit(word)}, doctest::Approx(exact).epsilon(2.4e-7));
  }
}

TEST_CASE("moments are those of the normal distribution") {
  constexpr std::uint32_t kRows = 20000;
  constexpr int kBlocks = 5;
  std::array<double, 5> sum{};
  double pairs = 0;  // product of the two numbers of a pair
  for (std::uint32_t row = 0; row < kRows; ++row)
    for (std::uint32_t block = 0; block < kBlocks; ++block) {
      float x[4];
      normal_block({7, Stream::eval, 0}, row, block, x);
      pairs += double{x[0]} * double{x[1]} + double{x[2]} * double{x[3]};
      for (const float value : x) {
        double power = 1;
        for (double& s : sum) s += (power *= double{value});
      }
    }
  const double n = 4.0 * kBlocks * kRows;
  // Five standard deviations: E[x^2k] - E[x^k]^2 is 1, 2, 15, 96, 945.
  const double mean[]{0, 1, 0, 3, 0};
  const double variance[]{1, 2, 15, 96, 945};
  for (std::size_t k = 0; k < sum.size(); ++k) {
    CAPTURE(k + 1);
    CHECK_LE(std::abs(sum[k] / n - mean[k]), 5 * std::sqrt(variance[k] / n));
  }
  CHECK_LE(std::abs(pairs / (n / 2)), 5 / std::sqrt(n / 2));
}

TEST_CASE("a block is two pairs of its key's integers") {
  const NoiseKey key{3, Stream::sample, 9};
  const Words words = random_words(key, 5, 6);
  float block[4], pair[2];
  normal_block(key, 5, 6, block);
  for (int i = 0; i < 2; ++i) {
    normal_pair(words.x[2 * i], words.x[2 * i + 1], pair);
    CHECK_EQ(block[2 * i], pair[0]);
    CHECK_EQ(block[2 * i + 1], pair[1]);
  }
}

}  // namespace
}  // namespace vae::engine
