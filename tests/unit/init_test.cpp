// Initial values: uniform in ±1/sqrt(fan_in), the same for the same seed,
// different for everything else.
#include "model/init.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace vae::model {
namespace {

int param(const Plan& plan, const std::string& name) {
  return plan.entries[static_cast<std::size_t>(plan.find(name))].index;
}

std::vector<float> start(const Plan& plan, const std::string& name,
                         std::uint64_t seed = 5) {
  return initial_param(plan, param(plan, name), seed);
}

TEST_CASE("products start uniform in the range of their fan-in") {
  const Plan plan = make_plan(Config());
  for (const char* name : {"encoder.3.weight", "fc11.weight", "fc2.weight",
                           "decoder.0.weight", "fc2.bias"}) {
    CAPTURE(name);
    const Tensor& tensor =
        plan.params[static_cast<std::size_t>(param(plan, name))];
    const std::vector<float> values = start(plan, name);
    REQUIRE(values.size() == static_cast<std::size_t>(tensor.elements()));
    const double bound = 1 / std::sqrt(static_cast<double>(tensor.fan_in));
    double sum = 0, square = 0, largest = 0;
    for (const float value : values) {
      sum += double{value};
      square += double{value} * double{value};
      largest = std::max(largest, std::abs(double{value}));
    }
    const auto n = static_cast<double>(values.size());
    CHECK_LE(largest, bound * (1 + 1e-7));  // the bound rounded to float
    // Of n uniform numbers the largest misses the bound by more than 20/n with
    // probability e^-20.
    CHECK_GE(largest, bound * (1 - 20 / n));
    // Five standard deviations of mean and of mean square.
    CHECK_LE(std::abs(sum / n), 5 * bound / std::sqrt(3 * n));
    CHECK_LE(std::abs(square / n - bound * bound / 3),
             5 * bound * bound * std::sqrt(4.0 / 45 / n));
  }
}

TEST_CASE("BatchNorm starts as the identity") {
  const Plan plan = make_plan(Config());
  CHECK(start(plan, "encoder.4.weight") == std::vector<float>(128, 1.0f));
  CHECK(start(plan, "encoder.4.bias") == std::vector<float>(128, 0.0f));
}

TEST_CASE("seed and tensor key the values, nothing else does") {
  const Plan plan = make_plan(Config());
  CHECK(start(plan, "fc11.weight", 1) == start(plan, "fc11.weight", 1));
  CHECK(start(plan, "fc11.weight", 1) != start(plan, "fc11.weight", 2));
  CHECK(start(plan, "fc11.weight", 1) != start(plan, "fc12.weight", 1));
  CHECK(start(plan, "fc11.weight", 1) !=
        start(plan, "fc11.weight", std::uint64_t{1} << 32 | 1));
}

TEST_CASE("a count that is no multiple of four ends within a block") {
  Config config;
  config.net = Net::dense;
  config.height = 1, config.width = 3;
  config.layers = {5};
  const Plan plan = make_plan(config);
  const std::vector<float> values = start(plan, "encoder.0.weight");
  REQUIRE(values.size() == 15);
  for (const float value : values) CHECK(value != 0.0f);
}

}  // namespace
}  // namespace vae::model
