// The tile engine against the blocks engine: gradients, ragged batches, steps,
// inference; the same bytes for any number of threads.
#include "engine/tile/tile_engine.hpp"

#include "tile/tile_cases.hpp"
#include "vae/error.hpp"

namespace vae::engine {
namespace {

// Products are summed in another order, some hundred terms in float32.
constexpr double kRounding = 2e-4;

struct Batch {
  std::int64_t first, count;
};

void compare_gradients(const Config& config,
                       const std::vector<Batch>& batches) {
  CAPTURE(to_json(config));
  const auto images = striped_images(config, config.max_batch + 3);
  const auto expected = on_cpu(config, EngineKind::blocks);
  const auto got = on_cpu(config, EngineKind::tile);
  for (Subject* s : {expected.get(), got.get()}) s->engine->seek({7, 0, {}});
  bool accumulate = false;
  for (const Batch& batch : batches) {
    CAPTURE(batch.count);
    for (Subject* s : {expected.get(), got.get()}) {
      s->engine->load(s->host_rows(images, batch.first, batch.count));
      s->engine->gradients(accumulate);
    }
    CHECK_EQ(reduced_differ(*expected, *got, kRounding), "");
    accumulate = !accumulate;
  }
}

}  // namespace

TEST_CASE("gradients, statistics and sums equal the blocks engine's") {
  if (!runs_here()) return;
  for (const Config& config : {small_tiles(), colour_tiles()})
    compare_gradients(config, {{0, 6}, {3, 6}, {1, 5}, {2, 2}, {4, 4}, {0, 3}});
}

TEST_CASE("a batch of several blocks of images") {
  if (!runs_here()) return;
  compare_gradients(many_images(), {{0, 150}, {1, 129}, {2, 64}, {0, 65}});
}

TEST_CASE("the original network") {
  if (!runs_here()) return;
  Config config;
  config.max_batch = 8;
  config.threads = 1;
  config.device = DeviceKind::cpu;
  compare_gradients(config, {{0, 8}, {0, 7}});
}

TEST_CASE("steps equal the blocks engine's") {
  if (!runs_here()) return;
  const Config config = small_tiles();
  const auto images = striped_images(config, 12);
  const auto expected = on_cpu(config, EngineKind::blocks);
  const auto got = on_cpu(config, EngineKind::tile);
  for (const std::int64_t count : {6, 6, 4, 6, 3, 6})
    for (Subject* s : {expected.get(), got.get()})
      s->step(s->host_rows(images, count, count), 1);
  // Adam moves every parameter by about the rate, whatever its gradient; if
  // that is only rounding, the direction is random.
  CHECK_EQ(tensors_differ(*expected, *got, floats(expected->state.param),
                          floats(got->state.param), 5e-3),
           "");
  CHECK_EQ(running_differ(*expected, *got, floats(expected->state.running),
                          floats(got->state.running), 2e-3),
           "");
  CHECK_EQ(got->control().updates, 6);
  CHECK_EQ(got->control().cursor.step, 6);
}

TEST_CASE("the same bytes for any number of threads") {
  if (!runs_here()) return;
  std::vector<std::vector<float>> params;
  for (const std::uint32_t threads : {1u, 2u, 3u, 5u}) {
    Config config = many_images();
    config.threads = threads;
    const auto images = striped_images(config, 150);
    const auto s = on_cpu(config, EngineKind::tile);
    for (const std::int64_t count : {150, 70, 1, 150})
      s->step(s->host_rows(images, 0, count), 1);
    params.push_back(s->params());
  }
  for (const auto& other : params) CHECK(other == params.front());
}

TEST_CASE("inference equals the blocks engine's") {
  if (!runs_here()) return;
  for (const Config& config : {small_tiles(), colour_tiles(), many_images()}) {
    CAPTURE(to_json(config));
    const auto images = striped_images(config, 170);
    std::vector<std::vector<std::vector<float>>> results;
    for (const EngineKind kind : {EngineKind::blocks, EngineKind::tile}) {
      const auto s = on_cpu(config, kind);
      s->step(s->host_rows(images, 0, config.max_batch), 1);
      const std::int64_t n = 170, latent = config.latent;
      const std::int64_t pixels = s->plan.image.size();
      const auto floats_of = [](std::int64_t size) {
        return std::vector<float>(static_cast<std::size_t>(size));
      };
      const auto to = [n](std::vector<float>& values) {
        RowTarget target;
        target.data = values.data();
        target.count = n;
        return target;
      };
      auto mean = floats_of(n * latent), logvar = mean,
           drawn = floats_of(n * pixels);
      auto decoded = drawn, again = drawn, recon = floats_of(n),
           kl = floats_of(n);
      const Input input = s->host_rows(images, 0, n);
      s->engine->encode(input, to(mean), to(logvar));
      RowSource codes;
      codes.data = mean.data();
      codes.count = n;
      s->engine->decode(codes, to(decoded));
      s->engine->sample({3, Stream::sample, 0}, 5, 0.7f, to(drawn));
      s->engine->reconstruct(input, to(again));
      s->engine->score(input, {recon.data(), kl.data(), nullptr});
      const std::vector<double> totals = totals_of(*s, input);
      const std::vector<float> tail(totals.begin(), totals.end());
      results.push_back({mean, logvar, decoded, drawn, again, recon, kl, tail});
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      CAPTURE(i);
      CHECK_EQ(further(results[0][i], results[1][i], 0,
                       static_cast<std::int64_t>(results[0][i].size()), 5e-4),
               "");
    }
  }
}

TEST_CASE("bfloat16: losses of the blocks engine, and those of float32") {
  if (!runs_here()) return;
  Config config = many_images();
  config.max_batch = 16;
  config.learning_rate = 2e-3;
  const auto images = striped_images(config, 64);
  std::vector<std::vector<double>> losses;
  for (const auto& [kind, precision] :
       {std::pair{EngineKind::blocks, Precision::fp32},
        std::pair{EngineKind::blocks, Precision::bf16},
        std::pair{EngineKind::tile, Precision::bf16}}) {
    config.precision = precision;
    const auto s = on_cpu(config, kind);
    const Layout& layout = s->engine->layout();
    losses.emplace_back();
    for (int step = 0; step < 40; ++step) {
      s->step(s->host_rows(images, step % 4 * 16, 16), 1);
      losses.back().push_back(double{floats(
          s->state.reduced)[layout.param_floats + layout.running_floats]});
    }
  }
  CHECK_LT(losses[0].back(), 0.93 * losses[0].front());
  bool rounded = false;
  for (std::size_t i = 0; i < losses[0].size(); ++i) {
    CAPTURE(i);
    CHECK_LE(std::abs(losses[1][i] / losses[0][i] - 1), 0.003);
    CHECK_LE(std::abs(losses[2][i] / losses[1][i] - 1), 0.003);
    rounded = rounded || losses[1][i] != losses[0][i];
  }
  CHECK(rounded);
}

TEST_CASE("unsupported configurations are errors with the reason") {
  const auto device = make_cpu_device(1);
  const auto refused = [&](Config config, const std::string& part) {
    config.engine = EngineKind::tile;
    try {
      make_engine(model::make_plan(config), config, *device);
      FAIL("taken: ", to_json(config));
    } catch (const Error& error) {
      CHECK(error.status() == Status::unsupported);
      CHECK_MESSAGE(std::string(error.what()).find(part) != std::string::npos,
                    error.what());
    }
  };
  Config config = small_tiles();
  config.layers = {16, 24};
  refused(config, "24");
  config = small_tiles();
  config.channels = 5;
  refused(config, "5");
  config = small_tiles();
  config.latent = 65;
  refused(config, "65");
  config = small_tiles();
  config.net = Net::dense;
  refused(config, "convolutional");
}

}  // namespace vae::engine
