// The plan of a configuration: names and shapes as the PyTorch module has them,
// fan-ins, sizes of odd and non-square images, images that are too small, and
// the distribution of initial values.
#include "model/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "unit/testing.hpp"

namespace vae::model {
namespace {

using Shape = std::vector<std::int64_t>;

Config config_of(Net net, Shape image, std::vector<std::uint32_t> layers,
                 std::uint32_t latent = 2) {
  Config config;
  config.net = net;
  config.channels = static_cast<std::uint32_t>(image[0]);
  config.height = static_cast<std::uint32_t>(image[1]);
  config.width = static_cast<std::uint32_t>(image[2]);
  config.layers = std::move(layers);
  config.latent = latent;
  return config;
}

/// "name [shape]" of every tensor, in the order of the state_dict.
std::vector<std::string> list(const Plan& plan) {
  std::vector<std::string> lines;
  for (const Entry& entry : plan.entries) {
    std::string line = plan.tensor(entry).name + " [";
    for (const std::int64_t size : plan.tensor(entry).shape)
      line += std::to_string(size) + ",";
    line.back() = ']';
    lines.push_back(line);
  }
  return lines;
}

const Tensor& named(const Plan& plan, const std::string& name) {
  const int found = plan.find(name);
  REQUIRE(found >= 0);
  return plan.tensor(plan.entries[static_cast<std::size_t>(found)]);
}

TEST_CASE("the default is the original network, tensor by tensor") {
  const Plan plan = make_plan(Config());
  std::vector<std::string> expected;
  const auto normed = [&](const std::string& conv, const std::string& weight,
                          const std::string& norm, const std::string& size) {
    expected.push_back(conv + ".weight " + weight);
    expected.push_back(conv + ".bias " + size);
    for (const char* part : {"weight", "bias", "running_mean", "running_var"})
      expected.push_back(norm + "." + part + " " + size);
  };
  normed("encoder.0", "[64,1,4,4]", "encoder.1", "[64]");
  normed("encoder.3", "[128,64,4,4]", "encoder.4", "[128]");
  normed("encoder.6", "[128,128,3,3]", "encoder.7", "[128]");
  for (const char* rest :
       {"fc11.weight [32,6272]", "fc11.bias [32]", "fc12.weight [32,6272]",
        "fc12.bias [32]", "fc2.weight [6272,32]", "fc2.bias [6272]",
        "decoder.0.weight [128,64,4,4]", "decoder.0.bias [64]",
        "decoder.2.weight [64,1,4,4]", "decoder.2.bias [1]"})
    expected.emplace_back(rest);
  CHECK(list(plan) == expected);
  CHECK(plan.batch_counters ==
        std::vector<std::string>{"encoder.1.num_batches_tracked",
                                 "encoder.4.num_batches_tracked",
                                 "encoder.7.num_batches_tracked"});

  std::int64_t trainable = 0;
  for (const Tensor& tensor : plan.params) trainable += tensor.elements();
  CHECK_EQ(trainable, 1021121);
}

TEST_CASE("fan-ins are PyTorch's, and BatchNorm starts at 1 and 0") {
  const Plan plan = make_plan(Config());
  for (const char* part : {".weight", ".bias"}) {
    CHECK_EQ(named(plan, std::string("encoder.0") + part).fan_in, 1 * 16);
    CHECK_EQ(named(plan, std::string("encoder.6") + part).fan_in, 128 * 9);
    CHECK_EQ(named(plan, std::string("fc11") + part).fan_in, 6272);
    CHECK_EQ(named(plan, std::string("fc2") + part).fan_in, 32);
    // PyTorch takes the second axis also where it is the output's.
    CHECK_EQ(named(plan, std::string("decoder.0") + part).fan_in, 64 * 16);
    CHECK_EQ(named(plan, std::string("decoder.2") + part).fan_in, 1 * 16);
    CHECK_EQ(named(plan, std::string("encoder.1") + part).fan_in, 0);
  }
  CHECK_EQ(named(plan, "encoder.1.weight").constant, 1.0f);
  CHECK_EQ(named(plan, "encoder.1.bias").constant, 0.0f);
  CHECK_EQ(named(plan, "encoder.1.running_mean").constant, 0.0f);
  CHECK_EQ(named(plan, "encoder.1.running_var").constant, 1.0f);
}

TEST_CASE("odd and non-square images: the decoder mirrors the encoder") {
  const Plan plan =
      make_plan(config_of(Net::conv, {3, 13, 10}, {4, 5, 6, 7}, 9));
  const std::vector<Extent> sizes{
      {3, 13, 10}, {4, 6, 5}, {5, 3, 2}, {6, 1, 1}, {7, 1, 1}};
  REQUIRE(plan.encoder.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(plan.encoder[i].in == sizes[i]);
    CHECK(plan.encoder[i].out == sizes[i + 1]);
  }
  CHECK(plan.features == sizes[4]);
  REQUIRE(plan.decoder.size() == 3);
  const std::vector<Extent> back{{7, 1, 1}, {5, 3, 2}, {4, 6, 5}, {3, 13, 10}};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(plan.decoder[i].in == back[i]);
    CHECK(plan.decoder[i].out == back[i + 1]);
  }
  CHECK(plan.decoder[1].activation == Activation::relu);
  CHECK(plan.decoder[2].activation == Activation::none);
  CHECK(named(plan, "decoder.0.weight").shape == Shape{7, 5, 4, 4});
  CHECK(named(plan, "fc2.weight").shape == Shape{7, 9});
}

TEST_CASE(
    "a dense network: names, and the image axis of first and last layer") {
  const Plan plan = make_plan(config_of(Net::dense, {2, 3, 4}, {6, 5}));
  CHECK(list(plan) == std::vector<std::string>{
                          "encoder.0.weight [6,24]", "encoder.0.bias [6]",
                          "encoder.2.weight [5,6]", "encoder.2.bias [5]",
                          "fc11.weight [2,5]", "fc11.bias [2]",
                          "fc12.weight [2,5]", "fc12.bias [2]",
                          "fc2.weight [5,2]", "fc2.bias [5]",
                          "decoder.1.weight [6,5]", "decoder.1.bias [6]",
                          "decoder.3.weight [24,6]", "decoder.3.bias [24]"});
  CHECK(plan.running.empty());
  CHECK(plan.batch_counters.empty());
  CHECK(named(plan, "encoder.0.weight").dims == Shape{6, 2, 3, 4});
  CHECK_EQ(named(plan, "encoder.0.weight").image_axis, 1);
  CHECK(named(plan, "decoder.3.weight").dims == Shape{2, 3, 4, 6});
  CHECK_EQ(named(plan, "decoder.3.weight").image_axis, 0);
  CHECK(named(plan, "decoder.3.bias").dims == Shape{2, 3, 4});
  CHECK_EQ(named(plan, "encoder.2.weight").image_axis, -1);
}

TEST_CASE("every tensor's dims have its elements") {
  for (const Config& config :
       {Config(), config_of(Net::conv, {3, 13, 10}, {4, 5, 6, 7}),
        config_of(Net::dense, {1, 1, 9}, {4}),
        config_of(Net::dense, {2, 3, 4}, {6, 5})}) {
    const Plan plan = make_plan(config);
    for (const Entry& entry : plan.entries) {
      const Tensor& tensor = plan.tensor(entry);
      CAPTURE(tensor.name);
      std::int64_t product = 1;
      for (const std::int64_t size : tensor.dims) product *= size;
      CHECK_EQ(product, tensor.elements());
    }
    CHECK_EQ(plan.entries.size(), plan.params.size() + plan.running.size());
  }
}

TEST_CASE("an unknown name has no index") {
  const Plan plan = make_plan(Config());
  CHECK_EQ(plan.find("encoder.0.weight"), 0);
  for (const char* name : {"", "encoder.0", "fc2.weight ", "FC2.weight"})
    CHECK_EQ(plan.find(name), -1);
}

TEST_CASE("an image that is too small for its layers is an error") {
  const Config config = config_of(Net::conv, {1, 28, 3}, {4, 4, 4});
  const std::string text =
      testing::error_of(Status::argument, [&] { make_plan(config); });
  testing::says(text, "28 x 3 is too small for 3 layers");
  CHECK_NOTHROW(make_plan(config_of(Net::conv, {1, 28, 4}, {4, 4, 4})));
  CHECK_NOTHROW(make_plan(config_of(Net::conv, {1, 2, 2}, {4, 4})));
}

TEST_CASE("BatchNorm of one pixel needs two images, otherwise one is enough") {
  CHECK_EQ(make_plan(Config()).min_batch(), 1);
  CHECK_EQ(make_plan(config_of(Net::conv, {1, 2, 3}, {4, 4})).min_batch(), 2);
  CHECK_EQ(make_plan(config_of(Net::conv, {1, 2, 4}, {4, 4})).min_batch(), 1);
  CHECK_EQ(make_plan(config_of(Net::dense, {1, 1, 1}, {4})).min_batch(), 1);
}

int param(const Plan& plan, const std::string& name) {
  return plan.entries[static_cast<std::size_t>(plan.find(name))].index;
}

std::vector<float> start(const Plan& plan, const std::string& name,
                         std::uint64_t seed = 5) {
  return initial_param(plan, param(plan, name), seed);
}

TEST_CASE("weights start uniform in the range of their fan-in") {
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

TEST_CASE("initial values depend on seed and tensor only") {
  const Plan plan = make_plan(Config());
  CHECK(start(plan, "fc11.weight", 1) == start(plan, "fc11.weight", 1));
  CHECK(start(plan, "fc11.weight", 1) != start(plan, "fc11.weight", 2));
  CHECK(start(plan, "fc11.weight", 1) != start(plan, "fc12.weight", 1));
  CHECK(start(plan, "fc11.weight", 1) !=
        start(plan, "fc11.weight", std::uint64_t{1} << 32 | 1));
}

TEST_CASE("a count that is not a multiple of four ends within a block") {
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
