// From sums to means: the divisors, which units count as active, and the values
// if every step was skipped.
#include "train/metrics.hpp"

#include <doctest/doctest.h>

namespace vae::train {
namespace {

Totals example() {
  Totals totals(2);
  totals.sums = {40, 28, 12, 2, 4, 50, 3, 1, 1};
  totals.kl = {8, 4};
  totals.mean = {4, 0};
  totals.square = {4, 0.2};
  return totals;
}

TEST_CASE("losses are means per image, the norm is over committed steps") {
  const Metrics m = make_metrics(example(), 1.5);
  CHECK_EQ(m.steps, 3);
  CHECK_EQ(m.images, 4);
  CHECK_EQ(m.skipped_steps, 1);
  CHECK_EQ(m.nonfinite_steps, 1);
  CHECK_EQ(m.loss, 10);
  CHECK_EQ(m.reconstruction, 7);
  CHECK_EQ(m.kl, 3);
  CHECK_EQ(m.mse, 0.5);
  CHECK_EQ(m.gradient_norm, 5);  // sqrt(50 / 2)
  CHECK_EQ(m.seconds, 1.5);
  CHECK(m.kl_per_dim == std::vector<double>{2, 1});
}

TEST_CASE("a unit is active if its mean varies by more than 0.01") {
  // The first one's mean is 1 for every image, the second's varies by 0.05.
  CHECK_EQ(make_metrics(example(), 0).active_units, 1);
  Totals totals = example();
  totals.square = {4 + 4 * 0.0101, 4 * 0.0099};
  CHECK_EQ(make_metrics(totals, 0).active_units, 1);
  totals.square = {4 + 4 * 0.0101, 4 * 0.0101};
  CHECK_EQ(make_metrics(totals, 0).active_units, 2);
}

TEST_CASE("nothing but skipped steps gives zeros and no division by zero") {
  Totals totals(2);
  totals.sums.steps = totals.sums.skipped = totals.sums.nonfinite = 2;
  const Metrics m = make_metrics(totals, 0);
  CHECK_EQ(m.steps, 2);
  CHECK_EQ(m.skipped_steps, 2);
  CHECK_EQ(m.loss, 0);
  CHECK_EQ(m.gradient_norm, 0);
  CHECK_EQ(m.active_units, 0);
  CHECK(m.kl_per_dim == std::vector<double>{0, 0});
}

TEST_CASE("sums round-trip through the device's format") {
  const std::vector<double> values = sums_of_totals(example());
  REQUIRE(values.size() == static_cast<std::size_t>(engine::sum_doubles(2)));
  CHECK(values == std::vector<double>{40, 28, 12, 2, 4, 50, 3, 1, 1,  //
                                      8, 4, 4, 0, 4, 0.2});
  const Totals back = totals_of_sums(values, 2);
  CHECK(sums_of_totals(back) == values);
}

TEST_CASE("the tail of a batch becomes sums without steps") {
  const std::vector<float> tail{10, 7, 3, 2, 4, 0, 1, 2, 3, 4, 5, 6};
  REQUIRE(tail.size() == static_cast<std::size_t>(engine::tail_floats(2)));
  const Totals totals = totals_of_tail(tail, 2);
  CHECK(sums_of_totals(totals) ==
        std::vector<double>{10, 7, 3, 2, 4, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("totals add up field by field") {
  Totals totals = example();
  totals += example();
  std::vector<double> twice = sums_of_totals(example());
  for (double& value : twice) value *= 2;
  CHECK(sums_of_totals(totals) == twice);
}

}  // namespace
}  // namespace vae::train
