// Every saved file can be loaded: configurations with numbers at the limits of
// their ranges train a few steps on images and parameters at theirs. Their
// files must load, save to the same bytes, and continue training with the same
// bytes. VAE_SAVE_LOAD_DRAWS sets the number of configurations.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::bytes_of;

constexpr float kMost = std::numeric_limits<float>::max();

/// Random numbers, the same in every run of the test.
class Dice {
 public:
  explicit Dice(std::uint64_t draw) : draw_(draw) {}

  std::uint32_t bits() {
    return random_words({draw_, Stream::eval, 0}, 0, next_++).x[0];
  }
  float unit() { return uniform(bits()); }
  std::size_t below(std::size_t count) { return bits() % count; }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }
  /// A limit of its range, the default, or a power of ten in between.
  double number(double low, double high, double usual, double exponents) {
    const double between =
        std::pow(10.0, (2.0 * double{unit()} - 1.0) * exponents);
    return one_of({low, high, usual, std::clamp(between, low, high)});
  }

 private:
  std::uint64_t draw_;
  std::uint32_t next_ = 0;
};

struct Network {
  Net net;
  Shape image;
  std::uint32_t latent;
  std::vector<std::uint32_t> layers;
  std::uint32_t max_batch = 8;
};

/// Every size at its ends, one or two at a time: all at once is no network
/// that a test could train.
const std::vector<Network>& networks() {
  constexpr Net conv = Net::conv, dense = Net::dense;
  static const std::vector<Network> all{
      {dense, {1, 1, 1}, 1, {1}, 65536},
      {dense, {1, 1, 1}, 1, {65536}},
      {dense, {1, 1, 4096}, 1, {1}},
      {dense, {1, 4096, 1}, 2, {3}, 1},
      {dense, {4096, 1, 1}, 2, {2, 1}},
      {dense, {2, 6, 5}, 4096, {10}},
      {dense, {1, 2, 2}, 3, {5, 4, 3, 2, 1, 2, 3, 4}},
      {conv, {1, 2, 2}, 1, {1, 1}, 65536},
      {conv, {2, 6, 5}, 3, {4, 3}},
      {conv, {1, 28, 28}, 32, {8, 16, 16}},
      {conv, {3, 5, 7}, 5, {16, 16}},
      {conv, {1, 128, 128}, 2, {1, 2, 1, 2, 1, 2, 1, 2}},
      {conv, {1, 4096, 2}, 1, {1, 1}},
      {conv, {1, 2, 4096}, 1, {2, 1}},
      {conv, {4096, 2, 2}, 1, {1, 1}},
      {conv, {1, 2, 2}, 4096, {1, 1}},
      {conv, {1, 2, 2}, 1, {1, 4096}},
      {conv, {1, 2, 3}, 1, {4096, 1}, 2},
  };
  return all;
}

void draw_learning(Dice& dice, Config& c) {
  const double below_one = std::nextafter(1.0, 0.0);
  c.likelihood = dice.one_of({Likelihood::bernoulli, Likelihood::gaussian});
  c.sum_gradient = dice.below(2) == 0;
  c.gaussian_sigma = dice.number(1e-15, 1e15, 1, 15);
  c.kl_weight = dice.number(0, 1e30, 1, 30);
  c.learning_rate = dice.number(0, 1e30, 1e-3, 30);
  c.beta1 = dice.one_of({0.0, below_one, 0.9, double{dice.unit()}});
  c.beta2 = dice.one_of({0.0, below_one, 0.999, double{dice.unit()}});
  c.epsilon = dice.number(1e-37, 1e30, 1e-8, 30);
  c.weight_decay = dice.number(0, 1e30, 0, 30);
  c.clip_norm = dice.one_of({0.0, 5e-324, 1.0, 1e18, 1e30});
  c.optimizer = dice.one_of({Optimizer::adam, Optimizer::sgd});
  c.schedule = dice.one_of({Schedule::constant, Schedule::cosine});
  c.schedule_floor = dice.one_of({0.0, 1.0, double{dice.unit()}});
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  c.warmup_updates = dice.one_of<std::uint64_t>({0, 1, 3, most - 1});
  c.schedule_updates = dice.one_of({c.warmup_updates + 1, most});
  c.kl_warmup_updates = dice.one_of<std::uint64_t>({0, 1, 3, most});
  if (c.kl_warmup_updates != 0)
    c.kl_cycle_updates = dice.one_of({std::uint64_t{0}, c.kl_warmup_updates});
}

void draw_running(Dice& dice, Config& c) {
  c.seed = dice.one_of<std::uint64_t>(
      {0, std::numeric_limits<std::uint64_t>::max(), dice.bits()});
  c.threads = dice.one_of({1u, 2u});
  c.keep_gradients = dice.below(2) == 0;
  c.device = DeviceKind::cpu;
  c.device_index = dice.one_of({0, 1023});
  c.precision = dice.one_of({Precision::fp32, Precision::bf16});
  c.engine = dice.one_of(
      {EngineKind::automatic, EngineKind::blocks, EngineKind::tile});
  c.nonfinite = dice.one_of({NonFinite::error, NonFinite::skip});
  c.deterministic = dice.below(2) == 0;
  c.graph = dice.one_of({Graph::automatic, Graph::off});
  c.graph_steps = dice.one_of({0u, 1u, 64u});
}

Config draw_config(Dice& dice, std::uint64_t draw) {
  const Network& network = networks()[draw % networks().size()];
  Config c;
  c.net = network.net;
  c.channels = network.image[0];
  c.height = network.image[1], c.width = network.image[2];
  c.latent = network.latent;
  c.layers = network.layers;
  c.max_batch = network.max_batch;
  draw_learning(dice, c);
  draw_running(dice, c);
  return c;
}

/// The choice of the engine is tested elsewhere.
Trainer make_trainer(Config& config) {
  try {
    return Trainer(config);
  } catch (const Error& error) {
    if (error.status() != Status::unsupported) throw;
    config.engine = EngineKind::automatic;
    return Trainer(config);
  }
}

/// Pixels of [0, 1], both ends among them; Gaussian ones may be anything.
std::vector<float> draw_images(Dice& dice, const Config& c, std::size_t count) {
  const bool any = c.likelihood == Likelihood::gaussian;
  const float factor =
      any ? dice.one_of({1.0f, 1e9f, -1e18f, 1e30f, kMost}) : 1.0f;
  const std::size_t kind = dice.below(4);
  std::vector<float> images(count * c.channels * c.height * c.width);
  for (float& pixel : images) {
    const float fraction = kind == 0   ? 0.0f
                           : kind == 1 ? 1.0f
                           : kind == 2 ? dice.one_of({0.0f, 1.0f, 1e-45f})
                                       : dice.unit();
    pixel = factor * fraction;
  }
  return images;
}

/// Some tensors get the largest numbers that can be written to them.
void draw_params(Dice& dice, Trainer& trainer) {
  for (const ParamInfo& info : trainer.params()) {
    if (info.type != ElementType::float32 || dice.below(6) != 0) continue;
    const ParamWhat what =
        info.trainable ? dice.one_of({ParamWhat::value, ParamWhat::moment1,
                                      ParamWhat::moment2})
                       : ParamWhat::value;
    const bool square =
        what == ParamWhat::moment2 || info.name.ends_with("running_var");
    const float value = dice.one_of({0.0f, 1e-45f, 1e10f, 1e19f, kMost});
    std::vector<float> values(info.elements);
    for (float& each : values)
      each = square || dice.below(2) == 0 ? value : -value;
    testing::set_param(trainer, info.name, values, what);
  }
  if (dice.below(4) == 0) trainer.set(Key::updates, dice.one_of({0.0, 0x1p53}));
}

/// The error text of a step; empty if it succeeded.
std::string step(Trainer& trainer, const std::vector<float>& images,
                 std::size_t count) {
  Metrics metrics;
  try {
    trainer.train_step(Batch::of(std::span<const float>(images), count),
                       &metrics);
  } catch (const Error& error) {
    CHECK_EQ(error.status(), Status::nonfinite);
    return error.what();
  }
  if (metrics.skipped_steps == 0) CHECK(std::isfinite(metrics.loss));
  return {};
}

void train(Dice& dice, Trainer& trainer, const Config& config,
           std::size_t count) {
  const std::size_t steps = 1 + dice.below(4);
  for (std::size_t i = 0; i < steps; ++i)
    step(trainer, draw_images(dice, config, count), count);
}

/// A part of an epoch, so that the position in it is saved as well.
void train_epoch(Dice& dice, Trainer& trainer, const Config& config) {
  const std::size_t images = 5;
  const auto rows = draw_images(dice, config, images);
  const Dataset set =
      Dataset::from_memory(Batch::of(std::span<const float>(rows), images),
                           {config.channels, config.height, config.width});
  Run run;
  run.batch_size = std::min(config.max_batch, 2u);
  run.max_steps = 1 + dice.below(3);
  try {
    trainer.train_epoch(set, run);
  } catch (const Error& error) {
    CHECK_EQ(error.status(), Status::nonfinite);
  }
}

/// Loading and saving again gives the same bytes.
std::optional<Trainer> reload(Trainer& trainer, const Config& config,
                              SaveWhat what) {
  const auto bytes = trainer.save(what);
  try {
    Trainer copy = Trainer::load(bytes, &config);
    // A model has no progress, so its copy has made no updates.
    if (what == SaveWhat::model)
      copy.set(Key::updates, trainer.get(Key::updates));
    CHECK(copy.save(what) == bytes);
    Trainer::load(bytes);  // with the configuration that it holds
    return copy;
  } catch (const Error& error) {
    FAIL_CHECK(std::string(error.what()));
    return {};
  }
}

void check_draw(std::uint64_t draw) {
  Dice dice(draw);
  Config config = draw_config(dice, draw);
  Trainer trainer = make_trainer(config);
  CAPTURE(draw);
  CAPTURE(to_json(config));
  CHECK(config_from_json(to_json(config)) == config);
  const std::size_t count = std::min(config.max_batch, dice.one_of({2u, 5u}));
  if (dice.below(2) == 0) draw_params(dice, trainer);
  train(dice, trainer, config, count);
  if (dice.below(3) == 0) train_epoch(dice, trainer, config);
  reload(trainer, config, SaveWhat::model);
  auto copy = reload(trainer, config, SaveWhat::checkpoint);
  if (!copy) return;
  const auto images = draw_images(dice, config, count);
  const auto before = bytes_of(trainer);
  const std::string refused = step(trainer, images, count);
  CHECK_EQ(step(*copy, images, count), refused);
  CHECK(bytes_of(*copy) == bytes_of(trainer));
  if (!refused.empty()) CHECK(bytes_of(trainer) == before);
}

std::uint64_t draws() {
  const char* wanted = std::getenv("VAE_SAVE_LOAD_DRAWS");
  return wanted == nullptr ? 144 : std::strtoull(wanted, nullptr, 10);
}

TEST_CASE("files of any configuration can be loaded") {
  for (std::uint64_t draw = 0; draw < draws(); ++draw) check_draw(draw);
}

TEST_CASE("counts have the same limit as those of a file") {
  const Config config = testing::small_conv();
  Trainer trainer(config);
  const auto images = testing::some_images(4);
  trainer.set(Key::step, 0x1p53 - 1);
  trainer.set(Key::updates, 0x1p53);
  trainer.train_step(testing::batch_of(images));
  CHECK_EQ(trainer.get(Key::step), 0x1p53);
  CHECK_EQ(trainer.get(Key::updates), 0x1p53);
  const auto bytes = bytes_of(trainer);
  testing::says(
      testing::error_of(Status::argument,
                        [&] { trainer.train_step(testing::batch_of(images)); }),
      "step is 9007199254740992; steps are counted to 2^53");
  CHECK(bytes_of(trainer) == bytes);

  trainer.set(Key::step, 0);
  trainer.set(Key::epoch, 0x1p53 - 1);
  const Dataset set = testing::some_set(8);
  trainer.train_epoch(set);
  testing::says(
      testing::error_of(Status::argument, [&] { trainer.train_epoch(set); }),
      "epoch is 9007199254740992; epochs are counted to 2^53");
  CHECK_EQ(Trainer::load(bytes_of(trainer)).get(Key::epoch), 0x1p53);
}

}  // namespace
}  // namespace vae
