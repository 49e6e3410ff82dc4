// A short training on real images (a part of Fashion-MNIST, tests/data): its
// loss must be much better than that of the mean image, and cannot be better
// than the entropy of the pixels. Both bounds come from the data. tests/long
// tests long trainings.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "vae/dataset.hpp"
#include "vae/trainer.hpp"

namespace vae {
namespace {

std::vector<double> pixels_of(const Dataset& set) {
  const auto [channels, height, width] = set.shape();
  std::vector<float> buffer(set.size() * channels * height * width);
  Output output = Output::of(std::span<float>(buffer));
  set.read(0, set.size(), output);
  return {buffer.begin(), buffer.end()};
}

/// -(t ln p + (1 - t) ln(1 - p)); p is kept off 0 and 1 by half a grey level.
double cross_entropy(double target, double p) {
  const double half = 0.5 / 255;
  const double q = std::min(std::max(p, half), 1 - half);
  return -(target * std::log(q) + (1 - target) * std::log(1 - q));
}

double entropy(double p) {
  return p > 0 && p < 1 ? -(p * std::log(p) + (1 - p) * std::log(1 - p)) : 0;
}

struct Bounds {
  double mean_image;  // reconstruction loss of the training set's mean image
  double floor;       // entropy of the pixels: no reconstruction is below it
};

/// Per image of `test`, in nats.
Bounds bounds(const Dataset& train, const Dataset& test) {
  const auto [channels, height, width] = train.shape();
  const std::size_t size = std::size_t{channels} * height * width;
  std::vector<double> mean(size);
  const std::vector<double> known = pixels_of(train);
  for (std::size_t i = 0; i < known.size(); ++i)
    mean[i % size] += known[i] / static_cast<double>(train.size());

  Bounds sums{0, 0};
  const std::vector<double> asked = pixels_of(test);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    sums.mean_image += cross_entropy(asked[i], mean[i % size]);
    sums.floor += entropy(asked[i]);
  }
  const auto images = static_cast<double>(test.size());
  return {sums.mean_image / images, sums.floor / images};
}

/// A narrow version of the original network: seconds on one core.
Config small_network() {
  Config config;
  config.layers = {16, 32, 32};
  config.latent = 16;
  config.learning_rate = 2e-3;
  config.threads = 1;
  config.device = DeviceKind::cpu;
  return config;
}

}  // namespace

TEST_CASE("a short training on real images beats the mean image clearly") {
  const Dataset train = Dataset::open(VAE_TEST_DATA "/fashion-small");
  const Dataset test = Dataset::open(VAE_TEST_DATA "/fashion-small/test");
  REQUIRE_GE(test.size(), 100);
  const Bounds limits = bounds(train, test);
  // The whole of Fashion-MNIST has 385 and 190; a part is not far from it.
  REQUIRE_GT(limits.mean_image, 340);
  REQUIRE_GT(limits.floor, 150);

  Trainer trainer(small_network());
  const double untrained = trainer.evaluate(test).loss;
  CHECK_GT(untrained, limits.mean_image);

  Metrics last;
  std::uint64_t images = 0;
  while (images < 20000) images += (last = trainer.train_epoch(train)).images;

  const Metrics learned = trainer.evaluate(test);
  MESSAGE("mean image ", limits.mean_image, ", learned ", learned.loss,
          " (reconstruction ", learned.reconstruction, ", KL ", learned.kl,
          "), floor ", limits.floor);
  CHECK_EQ(learned.images, test.size());
  // The loss includes the KL divergence, which the mean image's does not have.
  CHECK_LT(learned.loss, 0.75 * limits.mean_image);
  CHECK_GT(learned.reconstruction, limits.floor);
  CHECK_EQ(learned.loss,
           doctest::Approx(learned.reconstruction + learned.kl).epsilon(1e-6));
  CHECK_GE(learned.active_units, 8);
  CHECK_LT(last.loss, untrained);
  // It generalises: test images are about as good as training images.
  CHECK_LT(learned.loss, 1.1 * last.loss);
}

}  // namespace vae
