// The reported losses of images of 1024 x 1024 pixels against float64 sums over
// the reconstructions of the same engine. Both engines of the CPU.
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "engine/cpu/loops.hpp"
#include "tile_cases.hpp"

namespace vae::engine {
namespace {

constexpr std::int64_t kSide = 1024, kImages = 2;
constexpr double kTolerance = 1e-6, kSigma = 0.9;

Config large(Likelihood likelihood) {
  Config c;
  c.channels = 1, c.height = c.width = kSide;
  c.layers = {16, 16, 16, 16, 16};
  c.latent = 2;
  c.max_batch = 1;  // the images are added up one by one
  c.threads = 2;
  c.seed = 5;
  c.device = DeviceKind::cpu;
  c.likelihood = likelihood;
  c.gaussian_sigma = kSigma;
  return c;
}

/// The engine's decoded images for the codes that scoring draws: means of the
/// pixels.
std::vector<float> scored_means(const Subject& s, const Input& input) {
  const std::int64_t latent = s.plan.latent, n = input.rows.count;
  const auto to = [](std::vector<float>& values) {
    RowTarget target;
    target.data = values.data();
    target.count = kImages;
    return target;
  };
  std::vector<float> mean(static_cast<std::size_t>(n * latent)), logvar = mean;
  s.engine->encode(input, to(mean), to(logvar));
  std::vector<float> codes;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<float> heads, noise(static_cast<std::size_t>(latent)),
        z = noise;
    for (const auto* part : {&mean, &logvar})
      heads.insert(heads.end(), part->begin() + i * latent,
                   part->begin() + (i + 1) * latent);
    cpu::normal_row({s.config.seed, Stream::eval, 0},
                    static_cast<std::uint32_t>(i), latent, 1.0f, noise.data());
    cpu::latent_row(heads.data(), noise.data(), latent, z.data());
    codes.insert(codes.end(), z.begin(), z.end());
  }
  RowSource source;
  source.data = codes.data();
  source.count = n;
  std::vector<float> images(static_cast<std::size_t>(n * kSide * kSide));
  s.engine->decode(source, to(images));
  return images;
}

struct Expected {
  double recon[kImages] = {}, mse = 0;
};
Expected expected(const std::vector<float>& means,
                  const std::vector<float>& images, Likelihood likelihood) {
  Expected e;
  const double norm = std::log(kSigma) + 0.5 * std::log(2 * 3.141592653589793);
  const std::size_t pixels = kSide * kSide;
  for (std::size_t i = 0; i < means.size(); ++i) {
    const double p = means[i], x = images[i];
    e.recon[i / pixels] +=
        likelihood == Likelihood::bernoulli
            ? -x * std::log(p) - (1 - x) * std::log(1 - p)
            : (p - x) * (p - x) / (2 * kSigma * kSigma) + norm;
    e.mse += (p - x) * (p - x) / static_cast<double>(pixels);
  }
  return e;
}

TEST_CASE("large images: losses are those of the reconstructions, in float64") {
  for (const auto& [kind, likelihood] :
       {std::pair{EngineKind::blocks, Likelihood::gaussian},
        std::pair{EngineKind::tile, Likelihood::bernoulli}}) {
    if (kind == EngineKind::tile && !runs_here()) continue;
    CAPTURE(static_cast<int>(kind));
    const auto s = on_cpu(large(likelihood), kind);
    // Equal pixels, so that all roundings of a sum go the same way.
    const std::vector<float> images(kImages * kSide * kSide, 0.1f);
    const Input input = s->host_rows(images, 0, kImages);
    const Expected e = expected(scored_means(*s, input), images, likelihood);
    float recon[kImages], kl[kImages];
    s->engine->score(input, {recon, kl, nullptr});
    for (int i = 0; i < kImages; ++i)
      CHECK(double{recon[i]} ==
            doctest::Approx(e.recon[i]).epsilon(kTolerance));
    const std::vector<double> totals = totals_of(*s, input);
    CHECK(totals[1] ==
          doctest::Approx(e.recon[0] + e.recon[1]).epsilon(kTolerance));
    CHECK(totals[3] == doctest::Approx(e.mse).epsilon(kTolerance));
    CHECK(totals[4] == kImages);
  }
}

}  // namespace
}  // namespace vae::engine
