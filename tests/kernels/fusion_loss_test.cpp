// The fused likelihood against its formulas in float64: numbers of channels
// around the number of threads, both likelihoods, and in place: the gradient
// replaces the product.
#include "engine/math/objective.hpp"
#include "kernels/fusion_support.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {
namespace {

constexpr double kSigma = 0.5;

struct Images {
  std::int64_t count, pixels, channels;
  std::int64_t elements() const { return pixels * channels; }
  Shape shape() const { return {count * pixels, channels}; }
};
constexpr Images kImages[]{{1, 1, 1},  {3, 196, 1}, {2, 49, 3},
                           {5, 7, 64}, {2, 3, 130}, {1, 2, 300}};

struct Loss {
  Values gradient, recon, mse;
};

Loss exact_loss(const Images& images, const Values& product, const Values& bias,
                const Values& target, Likelihood likelihood) {
  Loss loss{product, Values(index(images.count)), Values(index(images.count))};
  const auto elements = static_cast<double>(images.elements());
  for (std::size_t i = 0; i < product.size(); ++i) {
    const std::size_t image = i / index(images.elements());
    const double l = product[i] + bias[i % bias.size()], x = target[i];
    double mean = l;
    if (likelihood == Likelihood::bernoulli) {
      mean = 1 / (1 + std::exp(-l));
      loss.recon[image] +=
          std::log1p(std::exp(-std::abs(l))) + std::max(l, 0.0) - l * x;
      loss.gradient[i] = mean - x;
    } else {
      loss.recon[image] += (l - x) * (l - x) / (2 * kSigma * kSigma) +
                           std::log(kSigma * std::sqrt(2 * 3.141592653589793));
      loss.gradient[i] = (l - x) / (kSigma * kSigma);
    }
    loss.mse[image] += (mean - x) * (mean - x) / elements;
  }
  return loss;
}

void check(Device& device, const Images& images, Number number,
           Likelihood likelihood) {
  CAPTURE(images.channels);
  const std::int64_t all = images.count * images.elements();
  const Values values = random_values(all, 1, number, 0, 3);
  const Values bias = random_values(images.channels, 2);
  Values target = random_values(all, 3);
  for (double& x : target) x = std::min(std::abs(x) / 4, 1.0);
  const Array product(device, values, number), b(device, bias);
  const Array t(device, target), gradient(device, all, number);
  const Array recon(device, images.count), mse(device, images.count);
  const auto run = [&](const Array& to) {
    device.operations().fusion()->loss(
        {product.matrix(images.shape()), b.floats(), t.floats(), to.data(),
         recon.floats(), mse.floats(), images.count, likelihood, kSigma});
  };
  run(gradient);
  const Loss exact = exact_loss(images, values, bias, target, likelihood);
  const double size = largest(values) + largest(bias);
  CHECK_LE(excess(gradient.read(), exact.gradient, number,
                  likelihood == Likelihood::bernoulli ? 1 : 4 * size),
           1);
  const Number single = Number::float32;
  CHECK_LE(excess(recon.read(), exact.recon, single, largest(exact.recon)), 1);
  CHECK_LE(excess(mse.read(), exact.mse, single, largest(exact.mse)), 1);

  const Bytes apart = gradient.raw(), losses = recon.raw();
  run(product);  // in place
  CHECK(product.raw() == apart);
  CHECK(recon.raw() == losses);
}

}  // namespace

TEST_CASE("the fused loss on every shape and number, also in place") {
  for (const Number number : kNumbers)
    for (const Images& images : kImages) {
      check(kernel_device(), images, number, Likelihood::bernoulli);
      check(kernel_device(), images, number, Likelihood::gaussian);
    }
}

/// Equal pixels, so that all roundings of a sum go the same way.
TEST_CASE("the fused loss of an image with 1024 x 1024 pixels") {
  Device& device = kernel_device();
  constexpr std::int64_t kPixels = 1 << 20;
  const Array product(device, Values(kPixels, 0.25)),
      bias(device, Values{0.05});
  const Array target(device, Values(kPixels, 0.125));
  const Array recon(device, 1), mse(device, 1);
  device.operations().fusion()->loss(
      {product.matrix({kPixels, 1}), bias.floats(), target.floats(),
       product.data(), recon.floats(), mse.floats(), 1, Likelihood::bernoulli,
       1.0});
  const PixelLoss<float> pixel = bernoulli_loss(0.25f + 0.05f, 0.125f);
  const float d = pixel.mean - 0.125f;
  CHECK(recon.read()[0] ==
        doctest::Approx(double{pixel.loss} * kPixels).epsilon(1e-6));
  CHECK(mse.read()[0] == doctest::Approx(double{d * d}).epsilon(1e-6));
}

TEST_CASE("a loss that is not finite affects only its image") {
  Device& device = kernel_device();
  Values values = random_values(3 * 10, 1);
  values[15] = std::numeric_limits<double>::quiet_NaN();
  const Array product(device, values), bias(device, 1), target(device, 30);
  const Array recon(device, 3), mse(device, 3);
  device.operations().fusion()->loss(
      {product.matrix({30, 1}), bias.floats(), target.floats(), product.data(),
       recon.floats(), mse.floats(), 3, Likelihood::bernoulli, 1.0});
  const Values got = recon.read();
  CHECK(std::isfinite(got[0]));
  CHECK(std::isnan(got[1]));
  CHECK(std::isfinite(got[2]));
}

}  // namespace vae::engine
