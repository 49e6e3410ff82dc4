// exp, ln(1 + t) and the logistic function in float32: error bounds, the limits
// of their ranges, and NaN, which must stay NaN.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/math/numbers.hpp"

namespace vae::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double relative_error(float got, double exact) {
  return std::abs(double{got} - exact) / std::abs(exact);
}

TEST_CASE("exp is within 2e-7 of the exact value, over its whole range") {
  double worst = 0;
  for (int i = -870000; i <= 880000; ++i) {
    const float x = static_cast<float>(i) * 1e-4f;
    if (x < -87.0f || x > 88.0f) continue;
    worst =
        std::max(worst, relative_error(exponential(x), std::exp(double{x})));
  }
  CHECK_LE(worst, 2e-7);
  CHECK_EQ(exponential(0.0f), 1.0f);
  CHECK_EQ(exponential(-0.0f), 1.0f);
}

TEST_CASE("exp saturates and stays finite and above zero") {
  for (const float x : {-87.0f, -88.0f, -1000.0f, -kInfinity})
    CHECK_EQ(exponential(x), exponential(-87.0f));
  for (const float x : {88.0f, 89.0f, 1000.0f, kInfinity})
    CHECK_EQ(exponential(x), exponential(88.0f));
  CHECK_GT(exponential(-87.0f), 0.0f);
  CHECK(std::isfinite(exponential(88.0f)));
}

TEST_CASE("exp is monotonic") {
  float last = exponential(-87.0f);
  for (int i = -8700; i <= 8800; ++i) {
    const float next = exponential(static_cast<float>(i) * 0.01f);
    CHECK_GE(next, last);
    last = next;
  }
}

TEST_CASE("ln(1 + t) is within 2.4e-7 of the exact value") {
  double worst = 0;
  for (int i = 1; i <= 1000000; ++i) {
    const float t = static_cast<float>(i) * 1e-6f;
    worst =
        std::max(worst, relative_error(log1p_unit(t), std::log1p(double{t})));
  }
  for (float t = 1.0f; t > 1e-37f; t *= 0.5f)
    worst =
        std::max(worst, relative_error(log1p_unit(t), std::log1p(double{t})));
  CHECK_LE(worst, 2.4e-7);  // four roundings of 2^-24
  CHECK_EQ(log1p_unit(0.0f), 0.0f);
}

TEST_CASE("the logistic function is within 3e-7, on both sides of zero") {
  double worst = 0;
  for (int i = -80000; i <= 80000; ++i) {
    const float x = static_cast<float>(i) * 1e-3f;
    const double exact = 1 / (1 + std::exp(-double{x}));
    worst = std::max(worst, relative_error(logistic(x), exact));
  }
  CHECK_LE(worst, 3e-7);  // exp's, and one sum and one quotient more
  CHECK_EQ(logistic(0.0f), 0.5f);
  CHECK_EQ(logistic(kInfinity), 1.0f);
  CHECK_LE(logistic(-kInfinity), 2e-38f);
}

TEST_CASE("NaN stays NaN, whichever bits it has") {
  // The CPU's own, CUDA's own, one with a payload, one that signals.
  for (const std::uint32_t bits :
       {0xFFC00000u, 0x7FC00000u, 0x7FFFFFFFu, 0x7FC00001u, 0x7F800001u}) {
    CAPTURE(bits);
    const float nan = std::bit_cast<float>(bits);
    CHECK(std::isnan(exponential(nan)));
    CHECK(std::isnan(log1p_unit(nan)));
    CHECK(std::isnan(logistic(nan)));
  }
}

TEST_CASE("bytes become floats and the same bytes again") {
  for (int i = 0; i < 256; ++i) {
    const auto byte = static_cast<std::uint8_t>(i);
    CHECK_EQ(pixel_to_float(byte), static_cast<float>(i) / 255.0f);
    CHECK_EQ(float_to_pixel(pixel_to_float(byte)), byte);
  }
}

TEST_CASE("floats become the nearest byte, clipped") {
  CHECK_EQ(float_to_pixel(-1.0f), 0);
  CHECK_EQ(float_to_pixel(2.0f), 255);
  CHECK_EQ(float_to_pixel(kInfinity), 255);
  CHECK_EQ(float_to_pixel(-kInfinity), 0);
  CHECK_EQ(float_to_pixel(std::numeric_limits<float>::quiet_NaN()), 0);
  CHECK_EQ(float_to_pixel(100.4f / 255.0f), 100);
  CHECK_EQ(float_to_pixel(100.6f / 255.0f), 101);
}

}  // namespace
}  // namespace vae::engine
