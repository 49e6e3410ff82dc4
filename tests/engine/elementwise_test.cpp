// The element-wise formulas of the loss (math/objective.hpp)
// and their derivatives against LibTorch and autograd in float64, and in
// float32 for saturated logits and extreme log-variances.
#include <cmath>

#include "engine/autograd.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine {
namespace {

at::Tensor column(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}

double item(const at::Tensor& values, std::int64_t i) {
  return values[i].item<double>();
}

/// Grid of a over b as two flat tensors.
std::pair<at::Tensor, at::Tensor> grid(const at::Tensor& a,
                                       const at::Tensor& b) {
  const auto both = at::meshgrid({a, b}, "ij");
  return {both[0].flatten(), both[1].flatten()};
}

const std::vector<double> kLogits{-80, -20, -3, -0.5, -1e-9, 0,
                                  0.2, 1,   7,  30,   80};
const std::vector<double> kTargets{0, 1e-3, 0.25, 0.5, 0.999, 1};

at::Tensor kl_of(const at::Tensor& mean, const at::Tensor& logvar) {
  return -0.5 * (1 + logvar - mean.pow(2) - logvar.exp());
}

}  // namespace

TEST_CASE("Bernoulli loss equals LibTorch's, with soft targets") {
  const auto [logits, targets] = grid(column(kLogits), column(kTargets));
  const at::Tensor t = targets;  // a structured binding cannot be captured
  const Autograd expected = differentiate(
      [&](const std::vector<at::Tensor>& in) {
        return at::binary_cross_entropy_with_logits(in[0], t, {}, {},
                                                    at::Reduction::None);
      },
      {logits}, {});
  const at::Tensor mean = at::sigmoid(logits);
  for (std::int64_t i = 0; i < logits.numel(); ++i) {
    CAPTURE(item(logits, i));
    CAPTURE(item(t, i));
    const auto got = bernoulli_loss(item(logits, i), item(t, i));
    CHECK_EQ(got.loss, doctest::Approx(item(expected.out, i)).epsilon(1e-13));
    CHECK_LE(std::abs(got.gradient - item(expected.gradients[0], i)), 1e-15);
    CHECK_EQ(got.mean, doctest::Approx(item(mean, i)).epsilon(1e-13));

    const auto single = bernoulli_loss(static_cast<float>(item(logits, i)),
                                       static_cast<float>(item(t, i)));
    // One rounding of the logit's product, one of the logarithm.
    CHECK_LE(std::abs(double{single.loss} - got.loss),
             3e-7 * (1 + std::abs(item(logits, i))));
    CHECK_LE(std::abs(double{single.gradient} - got.gradient), 3e-7);
  }
}

TEST_CASE("Gaussian loss equals -log of the density") {
  const double sigma = 0.7, pi = std::acos(-1.0);
  const double norm = std::log(sigma) + 0.5 * std::log(2 * pi);
  const auto [values, targets] =
      grid(column({-2, -0.1, 0, 0.4, 1, 5}), column(kTargets));
  const at::Tensor t = targets;
  const Autograd expected = differentiate(
      [&](const std::vector<at::Tensor>& in) {
        const at::Tensor density =
            (-(in[0] - t).pow(2) / (2 * sigma * sigma)).exp() /
            (sigma * std::sqrt(2 * pi));
        return -density.log();
      },
      {values}, {});
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const double value = item(values, i);
    const auto got =
        gaussian_loss(value, item(t, i), 1 / (sigma * sigma), norm);
    CHECK_EQ(got.loss, doctest::Approx(item(expected.out, i)).epsilon(1e-12));
    CHECK_LE(std::abs(got.gradient - item(expected.gradients[0], i)), 1e-12);
    CHECK_EQ(got.mean, value);
  }
}

TEST_CASE("KL divergence and reparameterisation equal autograd's") {
  const double weight = 0.3;
  const auto [mean, logvar] =
      grid(column({-3, -0.5, 0, 1e-4, 2}), column({-25, -4, -0.1, 0, 0.3, 9}));
  const at::Tensor noise = random_tensor(mean.sizes(), 1);
  const at::Tensor dz = random_tensor(mean.sizes(), 2);
  const Autograd expected = differentiate(
      [&](const std::vector<at::Tensor>& in) {
        const at::Tensor z = in[0] + noise * (in[1] / 2).exp();
        return (z * dz).sum() + weight * kl_of(in[0], in[1]).sum();
      },
      {mean, logvar}, {});
  const at::Tensor z = mean + noise * (logvar / 2).exp();
  const at::Tensor kl = kl_of(mean, logvar);
  for (std::int64_t i = 0; i < mean.numel(); ++i) {
    const double m = item(mean, i), v = item(logvar, i), e = item(noise, i);
    CAPTURE(m);
    CAPTURE(v);
    CHECK_EQ(reparameterise(m, v, e),
             doctest::Approx(item(z, i)).epsilon(1e-13));
    CHECK_LE(std::abs(kl_divergence(m, v) - item(kl, i)),
             1e-14 * (1 + item(kl, i)));
    const auto got = latent_slope(item(dz, i), m, v, e, weight);
    const double dm = item(expected.gradients[0], i);
    const double dv = item(expected.gradients[1], i);
    CHECK_LE(std::abs(got.mean - dm), 1e-13 * (1 + std::abs(dm)));
    CHECK_LE(std::abs(got.logvar - dv), 1e-13 * (1 + std::abs(dv)));
  }
}

TEST_CASE("log-variances out of range are clamped, their gradient is not") {
  for (const float v : {-1e30f, -31.0f, 21.0f, 1e30f}) {
    CAPTURE(v);
    const float edge = v < 0 ? -30.0f : 20.0f;
    CHECK_EQ(reparameterise(0.5f, v, 2.0f), reparameterise(0.5f, edge, 2.0f));
    CHECK_EQ(kl_divergence(0.5f, v), kl_divergence(0.5f, edge));
    CHECK(std::isfinite(kl_divergence(0.5f, v)));
    const auto slope = latent_slope(0.0f, 0.5f, v, 2.0f, 1.0f);
    // Points back into the range.
    CHECK_GT(slope.logvar * (v < 0 ? -1.0f : 1.0f), 0.0f);
    CHECK(std::isfinite(slope.logvar));
  }
}

TEST_CASE("KL keeps its digits in float32 near the prior") {
  for (const double v : {-1e-3, -1e-5, 1e-5, 1e-3}) {
    const double exact = 0.5 * (std::expm1(v) - v);
    // The rounding of a difference of two numbers near 1.
    CHECK_LE(
        std::abs(double{kl_divergence(0.0f, static_cast<float>(v))} - exact),
        1.2e-7);
  }
}

}  // namespace vae::engine
