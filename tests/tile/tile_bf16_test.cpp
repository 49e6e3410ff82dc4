// The tile engine in bfloat16 against itself in float32, on products by plain
// loops, so that it is tested on every processor.
#include <algorithm>

#include "engine/tile/tile_engine.hpp"
#include "tile/plain_products.hpp"
#include "tile/tile_cases.hpp"

namespace vae::engine {
namespace {

std::unique_ptr<Subject> subject(Config config, Precision precision) {
  config.precision = precision;
  return on_cpu(config, EngineKind::tile);
}

struct Range {
  std::int64_t first, count;
};

Config odd_code() {
  Config c = small_tiles();
  c.latent = 7;
  c.likelihood = Likelihood::gaussian;
  return c;
}

/// Of all parameters' gradients, how far they are apart, of their length. One
/// element may be all rounding; a whole gradient is not.
double distance(const std::vector<float>& a, const std::vector<float>& b,
                std::int64_t first, std::int64_t count) {
  double apart = 0, length = 0;
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    apart += std::pow(double{a[at]} - double{b[at]}, 2);
    length += std::pow(double{a[at]}, 2);
  }
  return std::sqrt(apart / std::max(length, 1e-12));
}

// A factor of a product is rounded by up to 2^-9 of itself, and an activation
// near its kink may fall to the other side. For batches as small as these that
// moves a tensor's gradient by up to 0.114 of its length, and sums, whose terms
// cancel, by up to 0.075 (measured over all cases below); a wrong tile or pair
// moves either by about 1.
constexpr double kGradient = 0.25, kSum = 0.15;

void compare(const Config& config, const std::vector<Range>& batches) {
  CAPTURE(to_json(config));
  const auto images = striped_images(config, config.max_batch + 3);
  const auto expected = subject(config, Precision::fp32);
  const auto got = subject(config, Precision::bf16);
  const Layout& layout = expected->engine->layout();
  bool accumulate = false;
  for (const Range& batch : batches) {
    CAPTURE(batch.count);
    for (Subject* s : {expected.get(), got.get()}) {
      s->engine->load(s->host_rows(images, batch.first, batch.count));
      s->engine->gradients(accumulate);
    }
    const auto x = expected->reduced(), y = got->reduced();
    for (std::size_t i = 0; i < layout.params.size(); ++i) {
      const model::Tensor& tensor = expected->plan.params[i];
      CAPTURE(tensor.name);
      CHECK(distance(x, y, layout.params[i].offset, tensor.elements()) <
            kGradient);
    }
    for (std::size_t i = 0; i < layout.running.size(); ++i) {
      const model::Tensor& tensor = expected->plan.running[i];
      CAPTURE(tensor.name);
      CHECK(distance(x, y, layout.param_floats + layout.running[i].offset,
                     tensor.elements()) < kSum);
    }
    const std::int64_t tail = layout.param_floats + layout.running_floats;
    for (std::int64_t i = tail; i < tail + tail_floats(config.latent); ++i) {
      CAPTURE(i - tail);
      const double value = x[static_cast<std::size_t>(i)];
      CHECK(std::abs(value - double{y[static_cast<std::size_t>(i)]}) <
            kSum * std::max(1.0, std::abs(value)));
    }
    accumulate = !accumulate;
  }
}

}  // namespace

TEST_CASE("gradients, statistics and sums are float32's, rounded") {
  for (const Config& config : {small_tiles(), colour_tiles(), odd_code()})
    compare(config, {{0, 6}, {3, 6}, {1, 5}, {4, 4}, {0, 3}});
  compare(many_images(), {{0, 150}, {1, 129}, {0, 65}});
  CHECK(tile::plain_products_used());
}

TEST_CASE("the same bytes for any number of threads, in bfloat16") {
  std::vector<std::vector<float>> params;
  for (const std::uint32_t threads : {1u, 2u, 5u}) {
    Config config = many_images();
    config.threads = threads;
    const auto images = striped_images(config, 150);
    const auto s = subject(config, Precision::bf16);
    for (const std::int64_t count : {150, 71, 1})
      s->engine->step(s->host_rows(images, 0, count), 1);
    params.push_back(s->params());
  }
  for (const auto& other : params) CHECK(other == params.front());
}

TEST_CASE("training in bfloat16 goes as in float32") {
  std::vector<double> first, last;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Config config = small_tiles();
    const auto images = striped_images(config, 6);
    const auto s = subject(config, precision);
    const auto loss = [&s] {
      const Layout& layout = s->engine->layout();
      return double{s->reduced()[static_cast<std::size_t>(
          layout.param_floats + layout.running_floats)]};
    };
    for (int step = 0; step < 60; ++step) {
      s->engine->step(s->host_rows(images, 0, 6), 1);
      if (step == 0) first.push_back(loss());
    }
    last.push_back(loss());
  }
  CHECK(last[0] < 0.9 * first[0]);
  CHECK(last[1] < 0.9 * first[1]);
  // One step's noise is worth some per cent of the loss of six images.
  CHECK(std::abs(last[1] - last[0]) < 0.05 * last[0]);
}

}  // namespace vae::engine
