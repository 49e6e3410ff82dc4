// Creating a trainer, its diagnosis, tensors by name, and settings;
// configurations are resolved or rejected with a reason.
#include "vae/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"
#include "vae/about.hpp"

namespace vae {
namespace {

using testing::all_params;
using testing::batch_of;
using testing::bytes_of;
using testing::error_of;
using testing::says;
using testing::small_conv;
using testing::small_dense;
using testing::some_images;

bool cuda_usable() {
  return nlohmann::json::parse(diagnose())["cuda"]["usable"];
}

TEST_CASE("device and threads are resolved, the rest is as given") {
  Config config = small_conv();
  config.device = DeviceKind::automatic;
  config.threads = 0;
  const Config got = Trainer(config).config();
  CHECK(got.device == (cuda_usable() ? DeviceKind::cuda : DeviceKind::cpu));
  CHECK(got.threads >= 1);
  Config expected = config;
  expected.device = got.device;
  expected.threads = got.threads;
  expected.engine = EngineKind::blocks;
  expected.graph_steps = 8;
  CHECK(got == expected);
}

TEST_CASE("a configuration that is not allowed creates no trainer") {
  Config config = small_conv();
  config.latent = 0;
  says(error_of(Status::argument, [&] { Trainer{config}; }), "latent is 0");
  config = small_conv();
  config.height = 1;
  says(error_of(Status::argument, [&] { Trainer{config}; }), "too small");
}

TEST_CASE("CUDA without a usable device is refused with the reason") {
  const auto cuda = nlohmann::json::parse(diagnose())["cuda"];
  Config config = small_conv();
  config.device = DeviceKind::cuda;
  if (cuda_usable()) config.device_index = 1000;
  const std::string text = error_of(Status::device, [&] { Trainer{config}; });
  says(text, "CUDA device " + std::to_string(config.device_index));
  if (cuda.contains("why_not")) says(text, std::string(cuda["why_not"]));
  if (nlohmann::json::parse(build_info())["flavour"] == "cpu")
    says(text, "built without CUDA");
}

TEST_CASE("tf32 on the CPU is refused with the alternatives") {
  Config config = small_conv();
  config.precision = Precision::tf32;
  const std::string text =
      error_of(Status::unsupported, [&] { Trainer{config}; });
  says(text, "CUDA devices only");
  says(text, "fp32 or bf16");
}

TEST_CASE("the diagnosis of a trainer") {
  Trainer trainer(small_conv());
  const auto json = nlohmann::json::parse(trainer.diagnose());
  CHECK_EQ(json["device"], "cpu");
  CHECK_EQ(json["engine"], "blocks");
  CHECK_EQ(json["threads"], 1);
  CHECK(config_from_json(json["configuration"].dump()) == trainer.config());
}

TEST_CASE("initial values depend on the seed only") {
  Config config = small_conv();
  Trainer first(config), second(config);
  CHECK(bytes_of(first) == bytes_of(second));
  config.seed = 12;
  Trainer third(config);
  CHECK(all_params(first) != all_params(third));
}

TEST_CASE("a moved trainer keeps its state") {
  Trainer trainer(small_conv());
  trainer.train_step(batch_of(some_images(4)));
  const auto before = bytes_of(trainer);
  Trainer moved = std::move(trainer);
  CHECK(bytes_of(moved) == before);
  Trainer other(small_dense());
  other = std::move(moved);
  CHECK(bytes_of(other) == before);
}

TEST_CASE("tensors are written and read in PyTorch's order") {
  for (const Config& config : {small_conv(), small_dense()}) {
    Config kept = config;
    kept.keep_gradients = true;
    Trainer trainer(kept);
    for (const ParamInfo& info : trainer.params()) {
      if (info.type != ElementType::float32) continue;
      CAPTURE(info.name);
      std::vector<float> values(info.elements);
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i) + 0.5f;
      testing::set_param(trainer, info.name, values);
      CHECK(testing::param(trainer, info.name) == values);
      if (!info.trainable) continue;
      for (const auto what : {ParamWhat::moment1, ParamWhat::moment2}) {
        testing::set_param(trainer, info.name, values, what);
        CHECK(testing::param(trainer, info.name, what) == values);
      }
    }
    // Writing one tensor changes no other.
    for (const ParamInfo& info : trainer.params())
      if (info.type == ElementType::float32)
        CHECK(testing::param(trainer, info.name).back() ==
              static_cast<float>(info.elements) - 0.5f);
  }
}

TEST_CASE("BatchNorm's counters are the updates, and are not written") {
  Trainer trainer(small_conv());
  const auto images = some_images(4);
  for (int i = 0; i < 3; ++i) trainer.train_step(batch_of(images));
  std::vector<std::string> counters;
  for (const ParamInfo& info : trainer.params()) {
    if (info.type != ElementType::int64) continue;
    counters.push_back(info.name);
    CHECK(info.shape.empty());
    CHECK_FALSE(info.trainable);
    std::vector<std::int64_t> count(1);
    const auto bytes = std::as_writable_bytes(std::span(count));
    trainer.read_param(info.name, ParamWhat::value, bytes);
    CHECK_EQ(count[0], 3);
    error_of(Status::unsupported,
             [&] { trainer.write_param(info.name, ParamWhat::value, bytes); });
  }
  CHECK(counters == std::vector<std::string>{"encoder.1.num_batches_tracked",
                                             "encoder.4.num_batches_tracked"});
}

TEST_CASE("reading and writing unknown tensors and arrays") {
  Trainer trainer(small_conv());
  std::vector<float> four(4), three(3);
  const auto read = [&](const char* name, ParamWhat what,
                        std::vector<float>& to) {
    return [&trainer, &to, name, what] {
      trainer.read_param(name, what, std::as_writable_bytes(std::span(to)));
    };
  };
  const auto value = ParamWhat::value;
  says(error_of(Status::argument, read("fc13.bias", value, three)),
       "no parameter \"fc13.bias\"");
  says(error_of(Status::too_small, read("encoder.0.bias", value, three)),
       "12 bytes given, 16 needed");
  says(error_of(Status::argument, read("fc11.bias", value, four)),
       "16 bytes given, but it has exactly 12");
  says(error_of(Status::unsupported,
                read("fc11.bias", ParamWhat::gradient, three)),
       "keep_gradients");
  says(error_of(Status::argument,
                read("encoder.1.running_mean", ParamWhat::moment1, four)),
       "running statistic");
  says(error_of(Status::argument,
                read("fc11.bias", static_cast<ParamWhat>(5), three)),
       "what is 5");
}

TEST_CASE("a failed write changes nothing") {
  Trainer trainer(small_conv());
  const auto before = bytes_of(trainer);
  says(error_of(Status::argument,
                [&] {
                  testing::set_param(trainer, "fc11.bias", {1, NAN, 2});
                }),
       "element 1 is nan");
  says(error_of(Status::argument,
                [&] {
                  testing::set_param(trainer, "fc11.bias", {1, 2, 3},
                                     ParamWhat::gradient);
                }),
       "read but not written");
  error_of(Status::too_small, [&] {
    testing::set_param(trainer, "fc11.bias", {1, 2});
  });
  CHECK(bytes_of(trainer) == before);
}

TEST_CASE("settings are set and read, and errors outside of their ranges") {
  Trainer trainer(small_conv());
  const auto set = [&](Key key, double value) {
    return [&trainer, key, value] { trainer.set(key, value); };
  };
  for (const Key key : {Key::step, Key::updates, Key::epoch}) {
    trainer.set(key, 9007199254740992.0);
    CHECK(trainer.get(key) == 9007199254740992.0);
    trainer.set(key, 0);
    for (const double bad : {-1.0, 0.5, 1e16, std::nan(""), HUGE_VAL})
      error_of(Status::argument, set(key, bad));
    CHECK(trainer.get(key) == 0);
  }
  for (const Key key : {Key::learning_rate, Key::kl_weight}) {
    trainer.set(key, 0.25);
    for (const double bad : {-1.0, std::nan(""), HUGE_VAL})
      error_of(Status::argument, set(key, bad));
    CHECK(trainer.get(key) == 0.25);
  }
  CHECK(trainer.config().learning_rate == 0.25);
  CHECK(trainer.config().kl_weight == 0.25);
  says(error_of(Status::argument, set(static_cast<Key>(6), 1)), "key is 6");
  says(error_of(Status::argument, [&] { trainer.get(static_cast<Key>(0)); }),
       "key is 0");
}

}  // namespace
}  // namespace vae
