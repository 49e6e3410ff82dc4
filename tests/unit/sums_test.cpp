// Every sum of the CPU over pixels, images, latent dimensions and parameters
// against float64, at the largest allowed sizes. Terms are those of the
// formulas in float32, because only the additions are tested.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "engine/cpu/loops.hpp"
#include "engine/math/objective.hpp"
#include "small_trainers.hpp"

namespace vae {
namespace {

using namespace engine;
using cpu::RowLoss;

constexpr double kTolerance = 1e-6;
/// Pixels: a side of 28, of 1024, and the most that a configuration allows.
constexpr std::int64_t kPixels[]{784, 1 << 20, 1 << 24};

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Numbers within `spread` of `middle`. With a spread of 0 all are equal, so
/// that all roundings of a sum go the same way.
std::vector<float> numbers(std::int64_t count, float middle, float spread) {
  std::vector<float> values(at(count));
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = middle + spread * (static_cast<float>(state >> 8) * 0x1p-23f - 1);
  }
  return values;
}

/// A formula of row_loss, with or without gradient.
template <class Row, class Loss>
void check_row(std::int64_t n, float spread, Row row, Loss loss) {
  CAPTURE(n);
  CAPTURE(spread);
  const auto output = numbers(n, 0.3f, spread);
  const auto target = numbers(n, 0.1f, spread / 4);
  double recon = 0, square = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    const PixelLoss<float> pixel = loss(output[i], target[i]);
    const float d = pixel.mean - target[i];
    recon += double{pixel.loss};
    square += double{d * d};
  }
  std::vector<float> gradient(output.size());
  for (float* slope : {gradient.data(), static_cast<float*>(nullptr)}) {
    const RowLoss got = row(output.data(), target.data(), n, slope);
    CHECK(got.recon == doctest::Approx(recon).epsilon(kTolerance));
    CHECK(got.square == doctest::Approx(square).epsilon(kTolerance));
  }
}

TEST_CASE("a row's loss and squared error, of up to 4096 x 4096 pixels") {
  for (const std::int64_t n : kPixels)
    for (const float spread : {0.0f, 0.25f}) {
      check_row(n, spread, cpu::bernoulli_row,
                [](float l, float x) { return bernoulli_loss(l, x); });
      const double sigma = 0.9;
      const auto precision = static_cast<float>(gaussian_precision(sigma));
      const auto norm = static_cast<float>(gaussian_norm(sigma));
      check_row(
          n, spread,
          [=](const float* v, const float* x, std::int64_t count, float* g) {
            return cpu::gaussian_row(v, x, count, sigma, g);
          },
          [=](float v, float x) {
            return gaussian_loss(v, x, precision, norm);
          });
    }
}

TEST_CASE("the KL of a row, of up to 4096 dimensions") {
  for (const std::int64_t latent : {32, 1000, 4096})
    for (const float middle : {0.3f, 0.7f, 1.1f}) {
      CAPTURE(latent);
      const auto heads = numbers(2 * latent, middle, 0);
      const auto noise = numbers(latent, 0, 1);
      std::vector<float> z(noise.size());
      double exact = 0;
      for (std::size_t i = 0; i < z.size(); ++i)
        exact += double{kl_divergence(heads[i], heads[z.size() + i])};
      CHECK(cpu::latent_row(heads.data(), noise.data(), latent, z.data()) ==
            doctest::Approx(exact).epsilon(kTolerance));
    }
}

TEST_CASE("the squared norm of many numbers") {
  for (const float spread : {0.0f, 0.3f}) {
    const auto values = numbers(1 << 24, 0.3f, spread);
    long double exact = 0;
    for (const float value : values) exact += double{value} * double{value};
    // 2^20 roundings of a double to each lane.
    CHECK(cpu::square_sum(values.data(), 1 << 24) ==
          doctest::Approx(static_cast<double>(exact)).epsilon(1e-10));
  }
}

TEST_CASE("sums of gradients over rows") {
  for (const std::int64_t columns : {1, 3, 40}) {
    const std::int64_t rows = (1 << 22) / columns, step = columns + 1;
    const auto values = numbers(rows * step, 0.3f, 0.3f);
    std::vector<double> exact(at(columns));
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c)
        exact[at(c)] += double{values[at(r * step + c)]};
    std::vector<float> got(at(columns), 1000.0f);
    const cpu::Rows in{values.data(), rows, columns, step};
    cpu::row_sums(in, false, got.data());
    for (std::size_t c = 0; c < got.size(); ++c)
      CHECK(double{got[c]} == doctest::Approx(exact[c]).epsilon(kTolerance));
    const std::vector<float> once = got;
    cpu::row_sums(in, true, got.data());
    for (std::size_t c = 0; c < got.size(); ++c)
      CHECK_EQ(got[c], once[c] + once[c]);
  }
}

TEST_CASE("a thousand rows are added in float, in order") {
  const auto values = numbers(3 * 784, 0.3f, 0.3f);
  std::vector<float> got(3), exact(3);
  cpu::row_sums({values.data(), 784, 3, 3}, false, got.data());
  for (std::size_t i = 0; i < values.size(); ++i) exact[i % 3] += values[i];
  CHECK(got == exact);
}

/// A batch of one image whose sums are not in the tail but in double.
TEST_CASE("sums of a hundred thousand batches") {
  const auto device = make_cpu_device(1);
  const float heads[]{0.3f, 0.7f}, recon = 98.7f, kl = 0.3f, mse = 0.1f;
  Settings settings{};
  settings.kl_weight = 0.5;
  std::vector<double> totals(at(tail_floats(1)));
  const int batches = 100000;
  for (int i = 0; i < batches; ++i)
    device->operations().batch_sums({heads, &recon, &kl, &mse, nullptr, 1, 1,
                                     &settings, true, totals.data()});
  const double one = kl_divergence(heads[0], heads[1]), mean = heads[0];
  const double expected[]{double{recon} + 0.5 * double{kl},
                          double{recon},
                          double{kl},
                          double{mse},
                          1,
                          0,
                          one,
                          mean,
                          mean * mean};
  for (std::size_t i = 0; i < totals.size(); ++i) {
    CAPTURE(i);
    CHECK(totals[i] == doctest::Approx(batches * expected[i]).epsilon(1e-10));
  }
}

TEST_CASE("an evaluation of many small batches") {
  Config config = testing::small_dense();
  config.max_batch = 1;  // each image is a batch of its own
  Trainer trainer(config);
  constexpr std::size_t kImages = 30000;
  const auto images = testing::some_images(kImages);
  std::vector<float> recon(kImages), kl(kImages);
  Output recon_out = Output::of(std::span(recon));
  Output kl_out = Output::of(std::span(kl));
  trainer.score(testing::batch_of(images), &recon_out, &kl_out);
  const Metrics means = trainer.eval_step(testing::batch_of(images));
  const auto mean_of = [](const std::vector<float>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / kImages;
  };
  CHECK(means.reconstruction ==
        doctest::Approx(mean_of(recon)).epsilon(kTolerance));
  CHECK(means.kl == doctest::Approx(mean_of(kl)).epsilon(kTolerance));
}

}  // namespace
}  // namespace vae
