// The pass by our own products against the reference in float32: every kernel
// of it together, with the numbers that bfloat16 leaves.
#include <nlohmann/json.hpp>

#include "kernels/engine_subject.hpp"

namespace vae::engine {
namespace {

/// Every kind of layer, channels and sides that fill no tile, an odd side.
Config small() {
  Config c;
  c.channels = 1, c.height = 14, c.width = 10;
  c.layers = {8, 24, 16};
  c.latent = 8;
  c.max_batch = 9;
  c.threads = 1;
  c.seed = 11;
  c.kl_weight = 0.5;
  c.precision = Precision::bf16;
  return c;
}

std::unique_ptr<Subject> reference(Config c) {
  c.device = DeviceKind::cpu;
  c.engine = EngineKind::blocks;
  c.precision = Precision::fp32;
  return std::make_unique<Subject>(c, make_cpu_device(1));
}

std::unique_ptr<Subject> subject(Config c) {
  c.engine = EngineKind::fused;
  auto s = std::make_unique<Subject>(c, engine_device_under_test());
  const auto json = nlohmann::json::parse(s->engine->describe());
  REQUIRE_EQ(json.value("products", ""), "own");
  return s;
}

/// Length of the difference over that of the reference.
double distance(const std::vector<float>& expected,
                const std::vector<float>& got, std::int64_t first,
                std::int64_t count) {
  double difference = 0, length = 0;
  for (std::int64_t i = first; i < first + count; ++i) {
    const double e = expected[static_cast<std::size_t>(i)];
    const double g = got[static_cast<std::size_t>(i)];
    difference += (e - g) * (e - g), length += e * e;
  }
  return std::sqrt(difference / std::max(length, 1e-12));
}

/// Numbers are rounded to eight bits a dozen times on the way, and a few signs
/// before an activation flip: PyTorch's bfloat16 is as far away on so small a
/// network. Products alone are held closely in gemm_test.
void check_close(const Subject& expected, const Subject& got) {
  const auto e = expected.reduced(), g = got.reduced();
  const Layout& layout = expected.engine->layout();
  for (std::size_t i = 0; i < layout.params.size(); ++i) {
    const model::Tensor& tensor = expected.plan.params[i];
    CAPTURE(tensor.name);
    CHECK(distance(e, g, layout.params[i].offset, tensor.elements()) < 0.2);
  }
  for (std::size_t i = 0; i < layout.running.size(); ++i) {
    CAPTURE(expected.plan.running[i].name);
    CHECK(distance(e, g, layout.param_floats + layout.running[i].offset,
                   expected.plan.running[i].elements()) < 0.01);
  }
  const std::int64_t tail = layout.param_floats + layout.running_floats;
  for (std::int64_t i = 0; i < kTailFloats - 1; ++i) {
    CAPTURE(i);
    CHECK(distance(e, g, tail + i, 1) < 0.01);
  }
  for (std::int64_t k = 0; k < 3; ++k)
    CHECK(distance(e, g, tail + kTailFloats + k * expected.plan.latent,
                   expected.plan.latent) < 0.02);
}

void check_gradients(const Config& config) {
  CAPTURE(to_json(config));
  const auto images =
      striped_images(config, static_cast<std::int64_t>(config.max_batch) + 2);
  const auto expected = reference(config), got = subject(config);
  const auto both = [&](std::int64_t first, std::int64_t count, bool add) {
    for (Subject* s : {expected.get(), got.get()}) {
      s->engine->seek({7, 0, {}});
      s->engine->load(s->host_rows(images, first, count));
      s->engine->gradients(add);
    }
    check_close(*expected, *got);
  };
  both(0, config.max_batch, false);
  both(2, 4, false);
  both(3, 5, true);
}

}  // namespace

TEST_CASE("own products: gradients, statistics and sums are the reference's") {
  check_gradients(small());
}

TEST_CASE("own products: two layers, a wide code") {
  Config c = small();
  c.layers = {16, 8};
  c.latent = 40;
  check_gradients(c);
}

TEST_CASE("own products: Gaussian pixels") {
  Config c = small();
  c.likelihood = Likelihood::gaussian;
  c.gaussian_sigma = 0.3;
  check_gradients(c);
}

}  // namespace vae::engine
