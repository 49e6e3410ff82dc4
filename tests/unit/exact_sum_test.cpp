// Sums whose bits do not depend on the order: conversion of one number and
// back, thousands of them shuffled, and numbers that cannot be added.
#include "engine/math/exact_sum.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace vae::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The additions of threads by atomics, one after the other.
void add(ExactSum& sum, float value) {
  const ExactSum part = exact_part(value);
  if (part.low == ExactSum::kBroken) {
    sum.low |= part.low;
    return;
  }
  sum.low += part.low, sum.high += part.high;
}

ExactSum sum_of(const std::vector<float>& values) {
  ExactSum sum{0, 0};
  for (const float value : values) add(sum, value);
  return sum;
}

bool same(const ExactSum& a, const ExactSum& b) {
  return a.low == b.low && a.high == b.high;
}

/// Of either sign, evenly by their exponents.
std::vector<float> random_numbers(std::size_t count, double smallest,
                                  double largest) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> exponent(std::log(smallest),
                                                  std::log(largest));
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(std::exp(exponent(random)));
    if (random() % 2 == 0) value = -value;
  }
  return values;
}

TEST_CASE("zero bytes are the sum of nothing") {
  ExactSum sum;
  std::memset(&sum, 0, sizeof sum);
  CHECK_EQ(exact_value(sum), 0.0);
  add(sum, 0.0f);
  add(sum, -0.0f);
  CHECK(same(sum, {0, 0}));
}

TEST_CASE("a multiple of 2^-40 is converted exactly") {
  for (const float value :
       {1.0f, -1.0f, 0.5f, -0.375f, 3.0e9f, -3.0e9f, 16777215.0f, 0x1p-40f,
        -0x1p-40f, 0x1.FFFFFEp-17f, -0x1.FFFFFEp-17f, 0x1.FFFFFEp31f,
        -0x1.FFFFFEp31f}) {
    CAPTURE(value);
    CHECK_EQ(exact_value(exact_part(value)), double{value});
  }
}

TEST_CASE("any other number is converted with an error below 2^-40") {
  for (const float value : random_numbers(20000, 1e-14, 1e9)) {
    const double got = exact_value(exact_part(value));
    // Rounded down for either sign, so that cancelling terms cancel.
    if (!(got <= double{value} && double{value} - got <= 0x1p-40))
      FAIL_CHECK(value, " became ", got);
  }
}

TEST_CASE("2^22 numbers do not overflow either half") {
  for (const float value : random_numbers(20000, 1e-30, 1e9))
    if (exact_part(value).low > (1ull << 32))
      FAIL_CHECK(value, " is not in halves");
  // The largest there are, all of them, and still below the mark.
  CHECK_LT((1ull << 22) * (1ull << 32), ExactSum::kBroken);
  const ExactSum largest = exact_part(-0x1.FFFFFEp31f);
  CHECK_GE(static_cast<long long>(largest.high), -(1ll << 40));
}

TEST_CASE("thousands of numbers have one sum in any order, bit for bit") {
  std::vector<float> values = random_numbers(5000, 1e-9, 1e9);
  const ExactSum first = sum_of(values);
  std::mt19937 random(6);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(values.begin(), values.end(), random);
    CHECK(same(sum_of(values), first));
  }
  // In groups, as blocks add.
  ExactSum halves[2]{{0, 0}, {0, 0}};
  for (std::size_t i = 0; i < values.size(); ++i) add(halves[i % 2], values[i]);
  CHECK(same({halves[0].low + halves[1].low, halves[0].high + halves[1].high},
             first));
}

TEST_CASE("a sum is off by no more than its terms' roundings") {
  const std::vector<float> values = random_numbers(5000, 1e-9, 1e9);
  long double exact = 0;  // 64 bits: good to 1e-19 of 1e12
  for (const float value : values) exact += static_cast<long double>(value);
  const auto reference = static_cast<double>(exact);
  // 2^-40 of each addend, and one rounding of the sum to double.
  CHECK_LE(std::abs(exact_value(sum_of(values)) - reference),
           5000 * 0x1p-40 + 0x1p-52 * std::abs(reference));
}

TEST_CASE(
    "small numbers are kept beside large ones, and cancelling terms cancel") {
  ExactSum sum = sum_of({1e9f, 1e-9f, -1e9f});
  CHECK_EQ(exact_value(sum), doctest::Approx(1e-9).epsilon(1e-3));
  for (const float value : random_numbers(1000, 1, 1e9)) {
    add(sum, value);
    add(sum, -value);
  }
  CHECK_LE(std::abs(exact_value(sum) - 1e-9), 2001 * 0x1p-40);
}

TEST_CASE("many small numbers of either sign are not lost") {
  for (const float value : {0x1p-30f, -0x1p-30f, 1.0f, -1.0f}) {
    const std::vector<float> values(100000, value);
    CHECK_EQ(exact_value(sum_of(values)), 1e5 * double{value});
  }
}

TEST_CASE("a term that is not finite or too large makes the sum NaN for good") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity,
        std::numeric_limits<float>::max(), 0x1p32f, -0x1p32f}) {
    CAPTURE(bad);
    CHECK(std::isnan(exact_value(exact_part(bad))));
    std::vector<float> values = random_numbers(2000, 1e-9, 1e9);
    values[1000] = bad;
    ExactSum sum = sum_of(values);
    CHECK(std::isnan(exact_value(sum)));
    add(sum, bad);  // twice does not mend it
    add(sum, -bad);
    add(sum, 1.0f);
    CHECK(std::isnan(exact_value(sum)));
  }
}

TEST_CASE("a sum of large numbers is correct or NaN") {
  for (const float number : {0x1p53f, -0x1p53f})
    for (const std::size_t count : {2u, 3u, 4u, 5u, 8u, 1000u}) {
      CAPTURE(number);
      CAPTURE(count);
      const double got = exact_value(sum_of(std::vector<float>(count, number)));
      if (!std::isnan(got))
        CHECK_EQ(got, static_cast<double>(count) * double{number});
    }
}

}  // namespace
}  // namespace vae::engine
