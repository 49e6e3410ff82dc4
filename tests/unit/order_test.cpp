// The data order: a permutation for every count that looks random. Bounds of
// chi-square tests are five standard deviations of the statistic; the seeds are
// fixed, so the result never varies.
#include "base/order.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace vae {
namespace {

std::vector<std::uint64_t> list(const Order& order) {
  std::vector<std::uint64_t> indices;
  for (std::uint64_t i = 0; i < order.count; ++i) indices.push_back(order(i));
  return indices;
}

/// (chi-square - degrees of freedom) / its standard deviation.
double excess(const std::vector<std::uint64_t>& counts, double expected) {
  double chi_square = 0;
  for (const std::uint64_t count : counts) {
    const double off = static_cast<double>(count) - expected;
    chi_square += off * off / expected;
  }
  const auto freedom = static_cast<double>(counts.size() - 1);
  return (chi_square - freedom) / std::sqrt(2 * freedom);
}

TEST_CASE("every index appears once") {
  for (const std::uint64_t count :
       {0, 1, 2, 3, 4, 5, 15, 16, 17, 64, 1000, 60000, 65536, 65537}) {
    CAPTURE(count);
    std::vector<bool> seen(count, false);
    for (const std::uint64_t index : list({42, 3, count})) {
      REQUIRE(index < count);
      CHECK_FALSE(seen[index]);
      seen[index] = true;
    }
  }
}

TEST_CASE("counts beyond 32 bits stay in range and distinct") {
  const Order order{1, 0, (std::uint64_t{1} << 40) + 12345};
  std::vector<std::uint64_t> found;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    found.push_back(order(i));
    CHECK(found.back() < order.count);
  }
  std::sort(found.begin(), found.end());
  CHECK(std::adjacent_find(found.begin(), found.end()) == found.end());
  CHECK(found.back() > std::uint64_t{1} << 36);
}

TEST_CASE("seed and epoch change the order, nothing else does") {
  const auto base = list({1, 1, 1000});
  CHECK(list({1, 1, 1000}) == base);
  CHECK(list({1, 2, 1000}) != base);
  CHECK(list({2, 1, 1000}) != base);
  CHECK(list({std::uint64_t{1} << 40 | 1, 1, 1000}) != base);
  CHECK(list({1, std::uint64_t{1} << 40 | 1, 1000}) != base);
}

TEST_CASE("two epochs agree in about one position, as random orders do") {
  // Matches of two random permutations are Poisson(1): over 1,000 pairs the
  // mean is within 5 / sqrt(1000) of 1.
  std::uint64_t matches = 0;
  auto before = list({9, 0, 500});
  for (std::uint64_t epoch = 1; epoch <= 1000; ++epoch) {
    const auto now = list({9, epoch, 500});
    for (std::size_t i = 0; i < now.size(); ++i) matches += now[i] == before[i];
    before = now;
  }
  CHECK(std::abs(static_cast<double>(matches) / 1000 - 1) <
        5 / std::sqrt(1000));
}

TEST_CASE("an image is equally likely at every position") {
  for (const std::uint64_t count : {3, 10, 100}) {
    CAPTURE(count);
    constexpr std::uint64_t kEpochs = 20000;
    std::vector<std::uint64_t> first(count), last(count);
    for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
      const Order order{5, epoch, count};
      ++first[order(0)];
      ++last[order(count - 1)];
    }
    const double expected = double{kEpochs} / static_cast<double>(count);
    CHECK(excess(first, expected) < 5);
    CHECK(excess(last, expected) < 5);
  }
}

TEST_CASE("neighbours in the order are unrelated in the set") {
  // The step from one index to the next, modulo the count, is uniform over
  // 1 … count - 1; grouped into 100 bins.
  constexpr std::uint64_t kCount = 60001, kBins = 100;
  std::vector<std::uint64_t> steps(kBins);
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    const auto indices = list({11, epoch, kCount});
    for (std::size_t i = 1; i < kCount; ++i) {
      const std::uint64_t step =
          (indices[i] + kCount - indices[i - 1]) % kCount;
      REQUIRE(step > 0);
      ++steps[(step - 1) * kBins / (kCount - 1)];
    }
  }
  CHECK(excess(steps, 3.0 * (kCount - 1) / kBins) < 5);
}

TEST_CASE("an image's position in one epoch says nothing about the next") {
  constexpr std::uint64_t kCount = 6000, kSide = 10;
  std::vector<std::uint64_t> table(kSide * kSide);
  for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
    const auto here = list({3, epoch, kCount});
    const auto next = list({3, epoch + 1000, kCount});
    for (std::size_t i = 0; i < kCount; ++i)
      ++table[here[i] * kSide / kCount * kSide + next[i] * kSide / kCount];
  }
  CHECK(excess(table, 20.0 * kCount / (kSide * kSide)) < 5);
}

}  // namespace
}  // namespace vae
