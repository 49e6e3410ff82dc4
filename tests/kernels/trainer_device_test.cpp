// Whole trainers on the test program's device, a GPU if there is one: the same
// losses as on the CPU, resuming, several trainers and threads, exhausted
// memory. Single steps are tested elsewhere.
#include <doctest/doctest.h>

#include <thread>

#include "engine/device.hpp"
#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::batch_of;
using testing::small_conv;
using testing::some_images;
using testing::some_set;

bool on_gpu() { return engine::why_no_cuda(0).empty(); }

Config device_config(EngineKind kind = EngineKind::blocks,
                     Graph graph = Graph::automatic) {
  Config config = small_conv();
  config.device = on_gpu() ? DeviceKind::cuda : DeviceKind::cpu;
  config.engine = kind;
  config.graph = graph;
  config.deterministic = true;
  config.graph_steps = 4;
  return config;
}

/// Every stage that the device supports.
std::vector<Config> stages() {
  if (!on_gpu()) return {device_config()};
  return {device_config(EngineKind::blocks, Graph::off),
          device_config(EngineKind::blocks, Graph::on),
          device_config(EngineKind::fused, Graph::off),
          device_config(EngineKind::fused, Graph::on)};
}

double loss_of_epochs(Trainer& trainer, int epochs) {
  const Dataset set = some_set(60);
  Metrics metrics;
  for (int i = 0; i < epochs; ++i) metrics = trainer.train_epoch(set, {});
  return metrics.loss;
}

}  // namespace

TEST_CASE("every stage trains to the losses of the CPU") {
  Trainer reference(small_conv());
  const double expected = loss_of_epochs(reference, 6);
  for (const Config& config : stages()) {
    CAPTURE(to_json(config));
    Trainer trainer(config);
    // 45 steps, each rounded in another order.
    CHECK(loss_of_epochs(trainer, 6) ==
          doctest::Approx(expected).epsilon(1e-3));
  }
}

TEST_CASE("a stage gives the same bytes recorded or not, resumed or not") {
  for (const Config& config : stages()) {
    CAPTURE(to_json(config));
    Trainer whole(config);
    (void)loss_of_epochs(whole, 4);
    Trainer first(config);
    (void)loss_of_epochs(first, 2);
    const auto bytes = first.save(SaveWhat::checkpoint);
    Trainer second = Trainer::load(bytes, &config);
    (void)loss_of_epochs(second, 2);
    CHECK(second.save(SaveWhat::checkpoint) ==
          whole.save(SaveWhat::checkpoint));
    Config off = config;
    off.graph = Graph::off;
    Trainer plain(off);
    (void)loss_of_epochs(plain, 4);
    // Their files differ in the configuration, so the parameters are compared.
    for (const model::Tensor& tensor : model::make_plan(config).params) {
      CAPTURE(tensor.name);
      CHECK(testing::param(plain, tensor.name.c_str()) ==
            testing::param(whole, tensor.name.c_str()));
    }
  }
}

TEST_CASE("two trainers on one device do not affect each other") {
  for (const Config& config : stages()) {
    CAPTURE(to_json(config));
    const auto images = some_images(8);
    Trainer alone(config), a(config), b(config);
    for (int i = 0; i < 6; ++i) alone.train_step(batch_of(images));
    for (int i = 0; i < 6; ++i) {
      a.train_step(batch_of(images));
      b.train_step(batch_of(images));
    }
    const auto expected = testing::param(alone, "fc11.weight");
    CHECK(testing::param(a, "fc11.weight") == expected);
    CHECK(testing::param(b, "fc11.weight") == expected);
  }
}

TEST_CASE(
    "a trainer continues in another thread; two trainers in two threads") {
  for (const Config& config : stages()) {
    CAPTURE(to_json(config));
    const auto images = some_images(8);
    const auto steps = [&](Trainer& trainer, int count) {
      for (int i = 0; i < count; ++i) trainer.train_step(batch_of(images));
    };
    Trainer alone(config), moved(config), other(config);
    steps(alone, 6);
    steps(moved, 3);
    std::thread one([&] { steps(moved, 3); });
    std::thread two([&] { steps(other, 6); });
    one.join();
    two.join();
    const auto expected = testing::param(alone, "fc11.weight");
    CHECK(testing::param(moved, "fc11.weight") == expected);
    CHECK(testing::param(other, "fc11.weight") == expected);
  }
}

TEST_CASE(
    "learning rate and KL weight apply to the next step, also if recorded") {
  for (const Config& config : stages()) {
    CAPTURE(to_json(config));
    const auto images = some_images(8);
    Trainer trainer(config);
    for (int i = 0; i < 4; ++i) trainer.train_step(batch_of(images));
    trainer.set(Key::learning_rate, 0);
    const auto before = testing::param(trainer, "fc2.weight");
    Metrics metrics;
    trainer.train_step(batch_of(images), &metrics);
    CHECK(testing::param(trainer, "fc2.weight") == before);
    trainer.set(Key::kl_weight, 0);
    trainer.train_step(batch_of(images), &metrics);
    CHECK(metrics.loss == doctest::Approx(metrics.reconstruction));
  }
}

TEST_CASE("a trainer that exceeds the memory does not affect the others") {
  if (!on_gpu()) return;  // the CPU's memory is tested with its device
  Trainer trainer(device_config());
  const auto images = some_images(8);
  trainer.train_step(batch_of(images));
  Config large = device_config();
  large.channels = 1, large.height = large.width = 4096;
  large.max_batch = 65536;  // an input of 4 TiB
  (void)testing::error_of(Status::memory, [&] { Trainer t(large); });
  Metrics metrics;
  trainer.train_step(batch_of(images), &metrics);
  CHECK(metrics.steps == 1);
}

TEST_CASE("fused on the CPU is an error that names the alternatives") {
  Config config = small_conv();
  config.engine = EngineKind::fused;
  testing::says(
      testing::error_of(Status::unsupported, [&] { Trainer t(config); }),
      "blocks");
  config.engine = EngineKind::blocks;
  config.graph = Graph::on;
  testing::says(
      testing::error_of(Status::unsupported, [&] { Trainer t(config); }),
      "graph is on");
}

}  // namespace vae
