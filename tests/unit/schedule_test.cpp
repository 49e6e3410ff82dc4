// Learning rate and KL weight as functions of the updates: their formulas, what
// a trainer makes of them, and that a resume in the middle changes no bit.
#include <doctest/doctest.h>

#include <cmath>

#include "engine/math/update.hpp"
#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using engine::kl_weight_at;
using engine::learning_rate_at;
using testing::batch_of;
using testing::bytes_of;
using testing::small_conv;
using testing::some_images;

engine::Settings settings() {
  engine::Settings s{};
  s.learning_rate = 2;
  s.kl_full_weight = 3;
  return s;
}

TEST_CASE("without schedules both are what was configured") {
  const engine::Settings s = settings();
  for (const std::uint64_t updates : {0u, 1u, 1000000u}) {
    CHECK_EQ(learning_rate_at(s, updates), 2);
    CHECK_EQ(kl_weight_at(s, updates), 3);
  }
}

TEST_CASE("the learning rate rises linearly, its first update included") {
  engine::Settings s = settings();
  s.warmup = 4;
  const double expected[]{0.5, 1.0, 1.5, 2.0, 2.0, 2.0};
  for (std::uint64_t i = 0; i < 6; ++i)
    CHECK_EQ(learning_rate_at(s, i), expected[i]);
}

TEST_CASE("the cosine is the library's") {
  for (int i = 0; i <= 1000; ++i)
    CHECK_LE(std::abs(engine::cosine_of_pi(i / 1000.0) -
                      std::cos(std::acos(-1.0) * i / 1000)),
             1e-15);
}

TEST_CASE("after the warm-up it follows half a cosine to its floor") {
  engine::Settings s = settings();
  s.warmup = 4;
  s.cosine_end = 12;
  s.cosine_floor = 0.1;
  CHECK_EQ(learning_rate_at(s, 3), 2);  // the warm-up's last
  CHECK_EQ(learning_rate_at(s, 4), 2);
  for (std::uint64_t i = 4; i <= 12; ++i) {
    const double cosine = std::cos(std::acos(-1.0) * double(i - 4) / 8);
    CHECK_EQ(learning_rate_at(s, i),
             doctest::Approx(2 * (0.1 + 0.45 * (1 + cosine))).epsilon(1e-14));
  }
  CHECK_EQ(learning_rate_at(s, 8), doctest::Approx(1.1).epsilon(1e-14));
  for (const std::uint64_t i : {12u, 13u, 4000000000u})
    CHECK_EQ(learning_rate_at(s, i), doctest::Approx(0.2).epsilon(1e-14));
}

TEST_CASE("the KL weight rises from 0, once or in every cycle") {
  engine::Settings s = settings();
  s.kl_warmup = 3;
  const double once[]{0, 1, 2, 3, 3, 3, 3, 3};
  for (std::uint64_t i = 0; i < 8; ++i) CHECK_EQ(kl_weight_at(s, i), once[i]);
  s.kl_cycle = 5;
  const double cycles[]{0, 1, 2, 3, 3, 0, 1, 2, 3, 3, 0};
  for (std::uint64_t i = 0; i < 11; ++i)
    CHECK_EQ(kl_weight_at(s, i), cycles[i]);
}

/// Everything that changes with the updates, in its middle after three.
Config scheduled(Config config, Optimizer optimizer) {
  config.optimizer = optimizer;
  config.learning_rate = optimizer == Optimizer::sgd ? 1e-4 : 1e-3;
  config.warmup_updates = 2;
  config.schedule = Schedule::cosine;
  config.schedule_updates = 9;
  config.schedule_floor = 0.1;
  config.kl_warmup_updates = 4;
  config.kl_cycle_updates = 6;
  return config;
}

Config for_tile() {
  Config config = small_conv();
  config.layers = {16, 16};
  config.engine = EngineKind::tile;
  return config;
}

std::vector<Config> everything() {
  std::vector<Config> all;
  for (const Config& config :
       {small_conv(), testing::small_dense(), for_tile()})
    for (const Optimizer optimizer : {Optimizer::adam, Optimizer::sgd})
      all.push_back(scheduled(config, optimizer));
  return all;
}

void train(Trainer& trainer, int steps) {
  for (int i = 0; i < steps; ++i)
    trainer.train_step(batch_of(
        some_images(4, static_cast<std::uint64_t>(trainer.get(Key::step)))));
}

TEST_CASE("a resume in the middle of every schedule is exact") {
  for (const Config& config : everything()) {
    CAPTURE(to_json(config));
    Trainer whole(config), first(config);
    train(whole, 11);
    train(first, 3);
    Trainer second = Trainer::load(bytes_of(first), &config);
    CHECK(bytes_of(second) == bytes_of(first));
    train(second, 8);
    CHECK(bytes_of(second) == bytes_of(whole));
  }
}

TEST_CASE("steps of an epoch follow the schedule as single steps do") {
  for (const Config& config : everything()) {
    CAPTURE(to_json(config));
    Trainer trainer(config);
    const Dataset set = testing::some_set(16);
    Run run;
    run.batch_size = 4;
    trainer.train_epoch(set, run);
    // Four updates, so the weight of the next is the full one.
    CHECK_EQ(trainer.get(Key::updates), 4);
    trainer.read_metrics();
    Metrics metrics;
    trainer.train_step(batch_of(some_images(4)), &metrics);
    CHECK_EQ(metrics.loss,
             doctest::Approx(metrics.reconstruction + metrics.kl));
  }
}

TEST_CASE("a training loss has the weight of its update, an evaluation's all") {
  for (const Config& config : everything()) {
    CAPTURE(to_json(config));
    Trainer trainer(config);
    const auto images = some_images(4);
    const double weights[]{0, 0.25, 0.5, 0.75, 1, 1, 0, 0.25};
    for (const double weight : weights) {
      Metrics metrics;
      trainer.train_step(batch_of(images), &metrics);
      REQUIRE(metrics.kl > 0);
      CHECK_EQ(metrics.loss,
               doctest::Approx(metrics.reconstruction + weight * metrics.kl)
                   .epsilon(1e-6));
      const Metrics all = trainer.eval_step(batch_of(images));
      CHECK_EQ(all.loss,
               doctest::Approx(all.reconstruction + all.kl).epsilon(1e-12));
    }
  }
}

TEST_CASE("a KL weight that is set during the warm-up is the full one") {
  Trainer trainer(scheduled(small_conv(), Optimizer::adam));
  train(trainer, 2);
  trainer.set(Key::kl_weight, 8);
  CHECK_EQ(trainer.get(Key::kl_weight), 8);
  Metrics metrics;
  trainer.train_step(batch_of(some_images(4)), &metrics);
  CHECK_EQ(
      metrics.loss,
      doctest::Approx(metrics.reconstruction + 4 * metrics.kl).epsilon(1e-6));
  // The updates say where in the schedule training is.
  trainer.set(Key::updates, 6);
  trainer.train_step(batch_of(some_images(4)), &metrics);
  CHECK_EQ(metrics.loss, doctest::Approx(metrics.reconstruction));
}

TEST_CASE("a learning rate of 0 at the end of the cosine changes nothing") {
  Config config = scheduled(small_conv(), Optimizer::sgd);
  config.schedule_floor = 0;
  Trainer trainer(config);
  train(trainer, 9);
  const auto before = testing::all_params(trainer);
  train(trainer, 2);
  CHECK(testing::all_params(trainer) == before);
}

TEST_CASE("files without schedules do not name them") {
  const auto text = [](const Config& config) {
    Trainer trainer(config);
    const auto bytes = trainer.save(SaveWhat::model);
    return std::string(reinterpret_cast<const char*>(bytes.data()),
                       bytes.size());
  };
  const std::string plain = text(small_conv());
  CHECK(plain.find("kl_weight") != std::string::npos);
  for (const char* field : {"optimizer", "schedule", "warmup"})
    CHECK(plain.find(field) == std::string::npos);
  Config config = small_conv();
  config.warmup_updates = 7;
  const std::string one = text(config);
  CHECK(one.find("warmup_updates\\\":7") != std::string::npos);
  CHECK(one.find("schedule") == std::string::npos);
}

}  // namespace
}  // namespace vae
