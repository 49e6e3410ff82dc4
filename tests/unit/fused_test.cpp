// The formulas of fused passes: activations and their slopes as in PyTorch,
// also at zero and for NaN, and BatchNorm's gradient against finite
// differences, in double.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "engine/math/layer.hpp"

namespace vae::engine {
namespace {

using Kind = model::Activation;
constexpr Kind kKinds[]{Kind::none, Kind::relu, Kind::leaky_relu};

TEST_CASE("activations") {
  CHECK_EQ(activate(-2.0, Kind::none), -2.0);
  CHECK_EQ(activate(-2.0, Kind::relu), 0.0);
  CHECK_EQ(activate(3.0, Kind::relu), 3.0);
  CHECK_EQ(activate(-2.0, Kind::leaky_relu), -0.4);
  CHECK_EQ(activate(3.0, Kind::leaky_relu), 3.0);
  // PyTorch multiplies by the slope rounded to float.
  CHECK_EQ(activate(-3.0f, Kind::leaky_relu), -3.0f * 0.2f);
  for (const Kind kind : kKinds) CHECK_EQ(activate(0.0f, kind), 0.0f);
}

TEST_CASE("slopes follow the output's sign; at zero they are PyTorch's") {
  for (const double out : {1e-300, 0.5, 7.0})
    for (const Kind kind : kKinds)
      CHECK_EQ(activation_gradient(3.0, out, kind), 3.0);
  for (const double out : {0.0, -0.0, -1e-300, -2.0}) {
    CHECK_EQ(activation_gradient(3.0, out, Kind::none), 3.0);
    CHECK_EQ(activation_gradient(3.0, out, Kind::relu), 0.0);
    CHECK_EQ(activation_gradient(3.0, out, Kind::leaky_relu), 3.0 * 0.2);
  }
}

TEST_CASE("NaN passes through every activation and slope") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const Kind kind : kKinds) {
    CHECK(std::isnan(activate(kNan, kind)));
    CHECK(std::isnan(activation_gradient(kNan, 1.0f, kind)));
  }
}

struct Norm {
  std::vector<double> x, dy;
  double weight, bias;
  Kind kind;
  std::size_t rows() const { return x.size(); }
};

struct Moments {
  double mean, invstd;
};

Moments moments(const std::vector<double>& x) {
  const auto n = static_cast<double>(x.size());
  double mean = 0, square = 0;
  for (const double value : x) mean += value / n;
  for (const double value : x) square += (value - mean) * (value - mean) / n;
  return {mean, 1 / std::sqrt(square + model::kNormEpsilon)};
}

double output(const Norm& norm, const Moments& m, std::size_t i) {
  return activate(
      normalise(norm.x[i], m.mean, m.invstd) * norm.weight + norm.bias,
      norm.kind);
}

/// A loss whose derivatives by the outputs are dy.
double loss(const Norm& norm) {
  const Moments m = moments(norm.x);
  double sum = 0;
  for (std::size_t i = 0; i < norm.rows(); ++i)
    sum += norm.dy[i] * output(norm, m, i);
  return sum;
}

double gradient(const Norm& norm, std::size_t at) {
  const Moments m = moments(norm.x);
  const auto n = static_cast<double>(norm.rows());
  double mean_g = 0, mean_gx = 0;
  const auto g_of = [&](std::size_t i) {
    return activation_gradient(norm.dy[i], output(norm, m, i), norm.kind);
  };
  for (std::size_t i = 0; i < norm.rows(); ++i) {
    mean_g += g_of(i) / n;
    mean_gx += g_of(i) * normalise(norm.x[i], m.mean, m.invstd) / n;
  }
  return norm_input_gradient(g_of(at), normalise(norm.x[at], m.mean, m.invstd),
                             norm.weight, m.invstd, mean_g, mean_gx);
}

TEST_CASE("BatchNorm's gradient of its input equals finite differences") {
  for (const Kind kind : kKinds) {
    Norm norm{{0.3, -1.2, 2.5, 0.9, -0.4},
              {1.0, -2.0, 0.5, 3.0, 0.25},
              1.7,
              -0.2,
              kind};
    for (std::size_t i = 0; i < norm.rows(); ++i) {
      const double exact = gradient(norm, i), step = 1e-5;
      const double x = norm.x[i];
      norm.x[i] = x + step;
      const double above = loss(norm);
      norm.x[i] = x - step;
      const double below = loss(norm);
      norm.x[i] = x;
      // A central difference is off by the square of its step times a third
      // derivative of a few tens.
      CHECK_LE(std::abs((above - below) / (2 * step) - exact), 1e-8);
    }
  }
}

TEST_CASE("a constant gradient gives normalised inputs no gradient") {
  CHECK_EQ(norm_input_gradient(2.0, -1.5, 3.0, 0.5, 2.0, 0.0), 0.0);
}

}  // namespace
}  // namespace vae::engine
