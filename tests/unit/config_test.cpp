// validate(): the default is the original program, every field has its range,
// and errors name the field, its value and the values allowed.
#include "vae/config.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "unit/testing.hpp"

namespace vae {
namespace {

using Change = std::function<void(Config&)>;

struct Case {
  Change change;
  std::vector<const char*> said;
  Status status = Status::argument;
};

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class Enum>
Enum number(int value) {
  return static_cast<Enum>(value);
}

void check_refused(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    Config config;
    c.change(config);
    const std::string text =
        testing::error_of(c.status, [&] { validate(config); });
    for (const char* part : c.said) testing::says(text, part);
  }
}

void check_allowed(const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    Config config;
    change(config);
    CHECK_NOTHROW(validate(config));
  }
}

TEST_CASE("schedules that contradict each other are named") {
  check_refused({
      {[](Config& c) { c.schedule = Schedule::cosine; },
       {"schedule_updates is 0", "above warmup_updates, which is 0"}},
      {[](Config& c) {
         c.schedule = Schedule::cosine;
         c.schedule_updates = c.warmup_updates = 5;
       },
       {"schedule_updates is 5", "which is 5"}},
      {[](Config& c) { c.kl_cycle_updates = 5; },
       {"kl_warmup_updates is 0", "with kl_cycle_updates 5"}},
      {[](Config& c) { c.kl_warmup_updates = 6, c.kl_cycle_updates = 5; },
       {"kl_warmup_updates is 6", "1 to that"}},
      {[](Config& c) { c.schedule_floor = 1.5; },
       {"schedule_floor is 1.5", "0 to 1"}},
      {[](Config& c) { c.optimizer = number<Optimizer>(3); },
       {"optimizer is 3", "1 (adam), 2 (sgd)"}},
  });
}

TEST_CASE("the default is the original program") {
  const Config c;
  CHECK_NOTHROW(validate(c));
  CHECK(c.net == Net::conv);
  CHECK(std::vector{c.channels, c.height, c.width} ==
        std::vector<std::uint32_t>{1, 28, 28});
  CHECK(c.layers == std::vector<std::uint32_t>{64, 128, 128});
  CHECK(c.latent == 32);
  CHECK(c.likelihood == Likelihood::bernoulli);
  CHECK(c.sum_gradient);
  CHECK(std::vector{c.kl_weight, c.learning_rate, c.beta1, c.beta2, c.epsilon,
                    c.weight_decay, c.clip_norm} ==
        std::vector{1.0, 1e-3, 0.9, 0.999, 1e-8, 0.0, 0.0});
  CHECK(c.max_batch == 64);
}

TEST_CASE("model fields out of range are named") {
  check_refused({
      {[](Config& c) { c.model = number<Model>(0); },
       {"model is 0", "1 (vae)"}},
      {[](Config& c) { c.net = number<Net>(3); },
       {"net is 3", "1 (conv)", "2 (dense)"}},
      {[](Config& c) { c.channels = 0; }, {"channels is 0", "1 to 4096"}},
      {[](Config& c) { c.height = 4097; }, {"height is 4097", "1 to 4096"}},
      {[](Config& c) { c.width = 0; }, {"width is 0"}},
      {[](Config& c) { c.channels = c.height = c.width = 4096; },
       {"channels * height * width is 68719476736", "16777216"}},
      {[](Config& c) { c.latent = 4097; }, {"latent is 4097", "1 to 4096"}},
      {[](Config& c) { c.layers = {8}; }, {"layers has 1", "2 to 8"}},
      {[](Config& c) { c.layers.assign(9, 4); }, {"layers has 9"}},
      {[](Config& c) {
         c.layers = {8, 0};
       },
       {"layers[1] is 0", "1 to 4096"}},
      {[](Config& c) {
         c.layers = {4097, 8};
       },
       {"layers[0] is 4097"}},
      {[](Config& c) { c.net = Net::dense, c.layers.clear(); },
       {"layers has 0", "dense", "1 to 8"}},
      {[](Config& c) { c.net = Net::dense, c.layers = {65537}; },
       {"layers[0] is 65537", "1 to 65536"}},
  });
}

TEST_CASE("learning fields out of range are named, NaN and infinity too") {
  check_refused({
      {[](Config& c) { c.likelihood = number<Likelihood>(0); },
       {"likelihood is 0", "1 (bernoulli)"}},
      {[](Config& c) { c.gaussian_sigma = 0; },
       {"gaussian_sigma is 0", "1e-15 to 1e+15"}},
      {[](Config& c) { c.gaussian_sigma = kInfinity; }, {"is inf"}},
      {[](Config& c) { c.kl_weight = -0.5; },
       {"kl_weight is -0.5", "0 to 1e+30"}},
      {[](Config& c) { c.kl_weight = kNan; }, {"kl_weight is nan"}},
      {[](Config& c) { c.learning_rate = -1; }, {"learning_rate is -1"}},
      {[](Config& c) { c.learning_rate = kNan; }, {"learning_rate is nan"}},
      {[](Config& c) { c.beta1 = 1; }, {"beta1 is 1", "0 <= beta1 < 1"}},
      {[](Config& c) { c.beta1 = kNan; }, {"beta1 is nan"}},
      {[](Config& c) { c.beta2 = -0.1; }, {"beta2 is -0.1"}},
      {[](Config& c) { c.epsilon = 0; }, {"epsilon is 0", "1e-37 to"}},
      // Zero in float32, and 0 / 0 would be the first update.
      {[](Config& c) { c.epsilon = 1e-46; }, {"epsilon is 1e-46"}},
      // Infinite in float32.
      {[](Config& c) { c.learning_rate = 1e39; }, {"learning_rate is 1e+39"}},
      {[](Config& c) { c.weight_decay = -1; }, {"weight_decay is -1"}},
      {[](Config& c) { c.clip_norm = kInfinity; }, {"clip_norm is inf"}},
  });
}

TEST_CASE("running fields out of range are named") {
  check_refused({
      {[](Config& c) { c.max_batch = 0; }, {"max_batch is 0", "1 to 65536"}},
      {[](Config& c) { c.max_batch = 65537; }, {"max_batch is 65537"}},
      {[](Config& c) { c.samples = 2; }, {"samples is 2"}, Status::unsupported},
      {[](Config& c) { c.threads = 1025; }, {"threads is 1025", "0 to 1024"}},
      {[](Config& c) { c.device = number<DeviceKind>(4); },
       {"device is 4", "3 (auto)"}},
      {[](Config& c) { c.device_index = -1; }, {"device_index is -1"}},
      {[](Config& c) { c.precision = number<Precision>(0); },
       {"precision is 0", "2 (tf32)"}},
      {[](Config& c) { c.engine = number<EngineKind>(9); },
       {"engine is 9", "3 (fused)", "4 (tile)"}},
      {[](Config& c) { c.graph = number<Graph>(4); },
       {"graph is 4", "3 (off)"}},
      {[](Config& c) { c.graph_steps = 65; }, {"graph_steps is 65", "0 to 64"}},
      {[](Config& c) { c.nonfinite = number<NonFinite>(0); },
       {"nonfinite is 0", "2 (skip)"}},
  });
}

TEST_CASE("the limits of every range are allowed") {
  check_allowed({
      [](Config& c) { c.channels = 1, c.height = c.width = 4096; },
      [](Config& c) {
        c.latent = 1, c.layers = {1, 1};
      },
      [](Config& c) { c.latent = 4096, c.layers.assign(8, 4096); },
      [](Config& c) { c.net = Net::dense, c.layers = {65536}; },
      [](Config& c) { c.kl_weight = c.learning_rate = 0; },
      [](Config& c) { c.beta1 = c.beta2 = 0; },
      [](Config& c) { c.max_batch = 65536, c.threads = 1024; },
      [](Config& c) { c.max_batch = 1, c.device_index = 1023; },
      [](Config& c) { c.device = DeviceKind::cuda; },  // need not exist here
  });
}

}  // namespace
}  // namespace vae
