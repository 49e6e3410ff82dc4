// Division by multiplication: equal to / for every dividend of the stated
// range, tested where quotients change and at the limits.
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <random>

#include "engine/cuda/indexing.hpp"

namespace vae::engine::cuda {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

/// The largest dividend: n * divisor < 2^40, n / divisor < 2^24, an int32_t.
std::int64_t most_of(std::int64_t divisor) {
  const std::int64_t by_product = ((std::int64_t{1} << 40) - 1) / divisor;
  const std::int64_t by_quotient = (divisor << 24) - 1;
  return std::min({by_product, by_quotient, kMost});
}

void check(const Divisor& by, std::int64_t n) {
  if (n < 0 || n > most_of(by.divisor)) return;
  const auto dividend = static_cast<std::int32_t>(n);
  if (by.quotient(dividend) != dividend / by.divisor)
    FAIL_CHECK(n, " / ", by.divisor, " became ", by.quotient(dividend));
}

/// Around the smallest and largest multiples of a divisor, where a wrong factor
/// fails first, and at random.
void check_all(std::int64_t divisor, std::mt19937& random) {
  const Divisor by(divisor);
  CHECK_EQ(by.divisor, divisor);
  const std::int64_t most = most_of(divisor), last = most / divisor;
  for (const std::int64_t multiple :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, last / 2, last - 1,
        last})
    for (std::int64_t offset = -2; offset <= 2; ++offset)
      check(by, multiple * divisor + offset);
  check(by, most);
  std::uniform_int_distribution<std::int64_t> any(0, most), quotient(0, last);
  for (int i = 0; i < 50; ++i) {
    check(by, any(random));
    const std::int64_t multiple = quotient(random) * divisor;
    check(by, multiple);
    check(by, multiple - 1);  // the largest rest
  }
}

TEST_CASE("every small divisor divides as / does") {
  std::mt19937 random(1);
  for (std::int64_t divisor = 1; divisor <= 20000; ++divisor)
    check_all(divisor, random);
}

TEST_CASE("large divisors and powers of two divide as / does") {
  std::mt19937 random(2);
  for (int shift = 0; shift < 31; ++shift)
    for (std::int64_t offset = -1; offset <= 1; ++offset)
      if ((std::int64_t{1} << shift) + offset > 0)
        check_all((std::int64_t{1} << shift) + offset, random);
  std::uniform_int_distribution<std::int64_t> any(1, kMost);
  for (int i = 0; i < 20000; ++i) check_all(any(random), random);
  check_all(kMost, random);
}

TEST_CASE("every dividend of a few divisors divides as / does") {
  for (const std::int64_t divisor : {1, 3, 7, 49, 196, 255, 784}) {
    const Divisor by(divisor);
    for (std::int64_t n = 0; n < 1000000; ++n) check(by, n);
  }
}

TEST_CASE("a default divisor has no value") {
  const Divisor none;
  CHECK_EQ(none.quotient(12345), 0);
}

}  // namespace
}  // namespace vae::engine::cuda
