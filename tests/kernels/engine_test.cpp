// Engines on the device under test against the blocks engine on the CPU:
// gradients, steps, datasets, inference. On a GPU also recorded work against
// the same work kernel by kernel.
#include <nlohmann/json.hpp>

#include "kernels/engine_subject.hpp"

namespace vae::engine {
namespace {

/// Two halving convolutions, odd sides, several channels.
Config conv_config() {
  Config c;
  c.channels = 2, c.height = 9, c.width = 7;
  c.layers = {5, 6, 4};
  c.latent = 3;
  c.max_batch = 6;
  c.threads = 1;
  c.seed = 11;
  c.kl_weight = 0.5;
  c.deterministic = true;
  return c;
}

Config one_channel() {
  Config c = conv_config();
  c.channels = 1, c.height = c.width = 8;
  c.layers = {4, 3};
  return c;
}

Config dense() {
  Config c = conv_config();
  c.net = Net::dense;
  c.layers = {10, 7};
  return c;
}

Config gaussian() {
  Config c = conv_config();
  c.likelihood = Likelihood::gaussian;
  c.gaussian_sigma = 0.3;
  return c;
}

std::vector<Config> networks() {
  return {conv_config(), one_channel(), dense(), gaussian()};
}

std::unique_ptr<Subject> subject(Config c, EngineKind kind,
                                 Graph graph = Graph::automatic) {
  c.engine = kind;
  c.graph = graph;
  return std::make_unique<Subject>(c, engine_device_under_test());
}

constexpr EngineKind kEngines[]{EngineKind::blocks, EngineKind::fused};

// Products are summed in another order, some hundred terms in float32; a
// gradient can be a small difference of large terms.
constexpr double kRounding = 2e-4;

}  // namespace

TEST_CASE("gradients, statistics and sums equal the reference's") {
  for (const Config& config : networks())
    for (const EngineKind kind : kEngines) {
      CAPTURE(to_json(config));
      CAPTURE(static_cast<int>(kind));
      const auto images = striped_images(config, 6);
      const auto expected = reference(config), got = subject(config, kind);
      for (Subject* s : {expected.get(), got.get()}) {
        s->engine->seek({7, 0, {}});
        s->engine->load(s->host_rows(images, 0, 5));
        s->engine->gradients(false);
      }
      check_reduced(*expected, *got, kRounding);
      for (Subject* s : {expected.get(), got.get()}) {
        s->engine->load(s->host_rows(images, 2, 4));
        s->engine->gradients(true);
      }
      check_reduced(*expected, *got, kRounding);
    }
}

TEST_CASE("steps with ragged batches equal the reference's") {
  for (const Config& config : {conv_config(), dense()})
    for (const EngineKind kind : kEngines) {
      CAPTURE(to_json(config));
      CAPTURE(static_cast<int>(kind));
      const auto images = striped_images(config, 16);
      const auto expected = reference(config), got = subject(config, kind);
      std::int64_t first = 0;
      for (const std::int64_t count : {6, 6, 6, 4, 6, 4}) {
        for (Subject* s : {expected.get(), got.get()})
          s->step(s->host_rows(images, first % 10, count), 1);
        first += count;
      }
      // Adam moves every parameter by about the rate, whatever its gradient; if
      // that is only rounding, the direction is random.
      CHECK_EQ(further(expected->params(), got->params(), 0,
                       expected->engine->layout().param_floats, 5e-3),
               "");
      CHECK_EQ(further(expected->running(), got->running(), 0,
                       expected->engine->layout().running_floats, 2e-3),
               "");
      CHECK_EQ(got->control().updates, 6);
      CHECK_EQ(got->control().cursor.step, 6);
    }
}

TEST_CASE("several steps of a dataset at once equal single steps") {
  for (const EngineKind kind : kEngines) {
    CAPTURE(static_cast<int>(kind));
    const Cursor start{20, 0, {5, 2, 40}};
    std::vector<std::vector<float>> results;
    // Kernel by kernel and recorded; one by one and four at once.
    for (const auto& [graph, steps] :
         {std::pair{Graph::off, 1}, std::pair{Graph::off, 4},
          std::pair{Graph::automatic, 1}, std::pair{Graph::automatic, 4}}) {
      const auto s = subject(conv_config(), kind, graph);
      const Buffer set = resident(*s, 40);
      s->engine->seek(start);
      for (int done = 0; done < 8; done += steps)
        s->step(resident_rows(set, 5), steps);
      const Control control = s->control();
      CHECK_EQ(control.cursor.step, 28);
      CHECK_EQ(control.cursor.position, 40);
      CHECK_EQ(control.updates, 8);
      results.push_back(s->params());
    }
    for (const auto& other : results) CHECK(other == results.front());
  }
}

TEST_CASE("rows of a dataset are selected by the cursor") {
  const auto s = subject(conv_config(), EngineKind::blocks);
  const Buffer set = resident(*s, 40);
  const Cursor start{3, 10, {5, 2, 40}};
  s->engine->seek(start);
  s->step(resident_rows(set, 5), 2);

  const auto by_hand = subject(conv_config(), EngineKind::blocks);
  auto images = striped_images(by_hand->config, 40);
  for (float& value : images)
    value =
        static_cast<float>(static_cast<std::uint8_t>(value * 255.0f)) / 255.0f;
  const std::size_t row = images.size() / 40;
  by_hand->engine->seek({3, 0, {}});
  for (std::uint64_t step = 0; step < 2; ++step) {
    std::vector<float> batch;
    for (std::uint64_t i = 0; i < 5; ++i) {
      const auto from =
          static_cast<std::ptrdiff_t>(start.order(10 + 5 * step + i) * row);
      batch.insert(batch.end(), images.begin() + from,
                   images.begin() + from + static_cast<std::ptrdiff_t>(row));
    }
    by_hand->step(by_hand->host_rows(batch, 0, 5), 1);
  }
  CHECK(s->params() == by_hand->params());
}

TEST_CASE("every step reads settings and cursor again") {
  const auto images = striped_images(conv_config(), 6);
  for (const EngineKind kind : kEngines) {
    CAPTURE(static_cast<int>(kind));
    const auto s = subject(conv_config(), kind);
    const auto step = [&] { s->step(s->host_rows(images, 0, 6), 1); };
    for (int i = 0; i < 3; ++i) step();  // from the second on it is recorded
    Control control = s->control();
    control.learning_rate = 0;
    s->device->upload(s->state.control.get(), &control, sizeof control);
    const auto before = s->params();
    step();
    CHECK(s->params() == before);
    // The same step again draws the same noise, another one other noise.
    const auto loss_of = [&](std::uint64_t number) {
      s->engine->seek({number, 0, {}});
      step();
      const auto tail = s->reduced();
      return tail[tail.size() -
                  static_cast<std::size_t>(tail_floats(s->plan.latent))];
    };
    const float first = loss_of(50);
    CHECK(loss_of(50) == first);
    CHECK(loss_of(51) != first);
  }
}

TEST_CASE("a batch that is not finite changes nothing but the counts") {
  for (const EngineKind kind : kEngines) {
    CAPTURE(static_cast<int>(kind));
    const auto s = subject(conv_config(), kind);
    auto images = striped_images(s->config, 6);
    for (int i = 0; i < 3; ++i) s->step(s->host_rows(images, 0, 6), 1);
    const auto before = s->params(), running = s->running();
    images[5] = HUGE_VALF;
    s->step(s->host_rows(images, 0, 6), 1);
    CHECK_EQ(s->control().skip, 1);
    CHECK_EQ(s->control().updates, 3);
    CHECK_EQ(s->control().cursor.step, 4);
    CHECK(s->params() == before);
    CHECK(s->running() == running);
  }
}

TEST_CASE("bfloat16 trains as the reference does, within its precision") {
  for (const Config& base : {conv_config(), dense()})
    for (const EngineKind kind : kEngines) {
      CAPTURE(static_cast<int>(kind));
      Config config = base;
      config.learning_rate = 0.01;
      const auto expected = reference(config);
      config.precision = Precision::bf16;
      const auto got = subject(config, kind);
      const auto images = striped_images(config, 6);
      double losses[2];
      for (int i = 0; i < 2; ++i) {
        Subject& s = i == 0 ? *expected : *got;
        for (int step = 0; step < 30; ++step)
          s.step(s.host_rows(images, 0, 6), 1);
        const auto reduced = s.reduced();
        losses[i] = reduced[reduced.size() - static_cast<std::size_t>(
                                                 tail_floats(s.plan.latent))];
      }
      // Eight bits of mantissa; 30 steps from the same start.
      CHECK(losses[1] == doctest::Approx(losses[0]).epsilon(0.03));
    }
}

TEST_CASE("the bfloat16 copy follows parameters written from outside") {
  Config config = conv_config();
  config.precision = Precision::bf16;
  const auto images = striped_images(config, 6);
  const auto a = subject(config, EngineKind::fused);
  const auto b = subject(config, EngineKind::fused);
  for (int i = 0; i < 3; ++i) a->step(a->host_rows(images, 0, 6), 1);
  const auto params = a->params(), running = a->running();
  const auto bytes = [](const std::vector<float>& v) {
    return static_cast<std::int64_t>(v.size() * sizeof(float));
  };
  b->device->upload(b->state.param.get(), params.data(), bytes(params));
  b->device->upload(b->state.running.get(), running.data(), bytes(running));
  b->engine->params_changed();
  std::vector<float> codes[2];
  for (int i = 0; i < 2; ++i) {
    Subject& s = i == 0 ? *a : *b;
    codes[i].resize(6 * 3);
    RowTarget mean;
    mean.data = codes[i].data();
    mean.count = 6;
    s.engine->encode(s.host_rows(images, 0, 6), mean, {});
  }
  CHECK(codes[0] == codes[1]);
}

TEST_CASE("inference equals the reference's, recorded or not") {
  for (const Config& config : networks())
    for (const EngineKind kind : kEngines) {
      CAPTURE(to_json(config));
      CAPTURE(static_cast<int>(kind));
      const auto expected = reference(config), got = subject(config, kind);
      const auto images = striped_images(config, 15);
      const std::size_t pixels = images.size() / 15;
      std::vector<float> results[2];
      for (int i = 0; i < 2; ++i) {
        Subject& s = i == 0 ? *expected : *got;
        s.step(s.host_rows(images, 0, 6), 1);
        // Chunks of six, six and three; the third call replays recordings.
        for (int call = 0; call < 3; ++call) {
          std::vector<float> mean(45), logvar(45), made(15 * pixels),
              sampled(15 * pixels);
          const auto to = [](std::vector<float>& buffer) {
            RowTarget target;
            target.data = buffer.data();
            target.count = 15;
            return target;
          };
          s.engine->encode(s.host_rows(images, 0, 15), to(mean), to(logvar));
          s.engine->reconstruct(s.host_rows(images, 0, 15), to(made));
          s.engine->sample({4, Stream::sample, 0}, 2, 1.0f, to(sampled));
          RowSource codes;
          codes.data = mean.data();
          codes.count = 15;
          std::vector<float> decoded(15 * pixels);
          s.engine->decode(codes, to(decoded));
          CHECK(decoded == made);
          for (const double sum : totals_of(s, s.host_rows(images, 0, 15)))
            results[i].push_back(static_cast<float>(sum));
          for (const auto* part : {&mean, &logvar, &made, &sampled})
            results[i].insert(results[i].end(), part->begin(), part->end());
        }
      }
      // One update lies between them, see above.
      CHECK_EQ(further(results[0], results[1], 0,
                       static_cast<std::int64_t>(results[0].size()), 5e-3),
               "");
    }
}

}  // namespace vae::engine
