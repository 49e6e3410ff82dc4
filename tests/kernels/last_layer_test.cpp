// The last layer with its likelihood against plain loops: pixels' derivatives
// and the three totals, over bands of rows and sides of either parity. Emulated
// only, as gemm_test.cpp.
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/math/objective.hpp"
#include "kernels/gemm_support.hpp"

namespace vae::engine {
namespace {

constexpr std::int64_t kTaps = 16;
constexpr double kSigma = 0.3;
constexpr Likelihood kLikelihoods[]{Likelihood::bernoulli,
                                    Likelihood::gaussian};

struct Size {
  std::int64_t images, ih, iw, channels, oh, ow;
  std::int64_t pixels() const { return images * oh * ow; }
};
/// A band has four pairs of rows at most, or as many as fit: three bands, the
/// last of them narrow; a last band below the input's last row; rows so wide
/// that a band has one pair; the most channels.
#ifdef VAE_FEW_SHAPES
constexpr Size kSizes[]{{1, 4, 3, 8, 9, 6}, {2, 5, 7, 24, 10, 15}};
#else
constexpr Size kSizes[]{{1, 1, 1, 8, 2, 2},      {1, 1, 1, 8, 3, 3},
                        {3, 4, 3, 8, 9, 6},      {2, 9, 7, 24, 18, 15},
                        {1, 12, 20, 72, 25, 40}, {1, 3, 170, 8, 7, 341},
                        {2, 2, 5, 256, 4, 10},   {300, 5, 2, 8, 11, 4}};
#endif

struct Outcome {
  Values gradient, totals;  // -log p, (mean - target)^2, gradient
};

struct Layer {
  Layer(const Size& s, Likelihood l)
      : size(s),
        likelihood(l),
        x(s.images * s.ih * s.iw * s.channels, 1, 0.25),
        w(s.channels * kTaps, 2),
        target(random_values(s.pixels(), 3, Number::float32, 0.5, 0.2)),
        bias(0.375) {}

  Outcome run() {
    Device& device = kernel_device();
    const Array b(device, Values{bias}), t(device, target);
    const Array gradient = spoiled(size.pixels());
    const On<ExactSum> sums(device, no_sums(3));
    const auto narrow = [](std::int64_t v) {
      return static_cast<std::int32_t>(v);
    };
    cuda::LastLayerArgs a{};
    a.x = bits(x.there), a.w = bits(w.there), a.bias = b.floats();
    a.target = t.floats(), a.gradient = gradient.floats();
    a.totals = reinterpret_cast<cuda::LossTotals*>(sums.data());
    a.images = narrow(size.images), a.channels = narrow(size.channels);
    a.ih = narrow(size.ih), a.iw = narrow(size.iw);
    a.oh = narrow(size.oh), a.ow = narrow(size.ow);
    a.likelihood = likelihood;
    a.precision = static_cast<float>(gaussian_precision(kSigma));
    a.norm = static_cast<float>(gaussian_norm(kSigma));
    cuda::last_layer(a, nullptr);
    require_launched();
    totals = sums.read();
    return {gradient.read(), values_of(totals)};
  }

  /// [images, oh, ow]: every number of x is added to the sixteen pixels around
  /// it.
  Values output() const {
    Values out(index(size.pixels()), bias);
    for (std::int64_t row = 0; row < size.images * size.ih; ++row)
      for (std::int64_t j = 0; j < size.iw; ++j)
        for (std::int64_t t = 0; t < kTaps; ++t) {
          const std::int64_t h = row % size.ih * 2 - 1 + t / 4;
          const std::int64_t v = j * 2 - 1 + t % 4;
          if (h < 0 || h >= size.oh || v < 0 || v >= size.ow) continue;
          double sum = 0;
          for (std::int64_t c = 0; c < size.channels; ++c)
            sum += x.here[index((row * size.iw + j) * size.channels + c)] *
                   w.here[index(c * kTaps + t)];
          out[index((row / size.ih * size.oh + h) * size.ow + v)] += sum;
        }
    return out;
  }

  Outcome exact(const Values& outputs) const {
    Outcome o{{}, Values(3)};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const PixelLoss<double> pixel = loss(outputs[i], target[i]);
      o.gradient.push_back(pixel.gradient);
      o.totals[0] += pixel.loss;
      o.totals[1] += std::pow(pixel.mean - target[i], 2);
      o.totals[2] += pixel.gradient;
    }
    return o;
  }
  PixelLoss<double> loss(double output, double to) const {
    return likelihood == Likelihood::bernoulli
               ? bernoulli_loss(output, to)
               : gaussian_loss(output, to, gaussian_precision(kSigma),
                               gaussian_norm(kSigma));
  }

  Size size;
  Likelihood likelihood;
  Numbers x, w;
  Values target;
  double bias;
  std::vector<ExactSum> totals;
};

template <class Check>
void for_all(Check check) {
  for (const Size& size : kSizes)
    for (const Likelihood likelihood : kLikelihoods) {
      CAPTURE(size.images);
      CAPTURE(size.ih);
      CAPTURE(size.iw);
      CAPTURE(size.channels);
      CAPTURE(static_cast<int>(likelihood));
      Layer layer(size, likelihood);
      check(layer);
    }
}

TEST_CASE("the last layer's derivatives and totals equal plain loops") {
  for_all([](Layer& layer) {
    const Values outputs = layer.output();
    const Outcome exact = layer.exact(outputs), got = layer.run();
    // An output is a sum in float32; a slope of the loss is at most 1 or, of
    // Gaussians, the precision, with which the output's error grows.
    const double slope = layer.likelihood == Likelihood::gaussian
                             ? gaussian_precision(kSigma)
                             : 1;
    const double size = largest(outputs) + 1;
    CHECK_LT(
        excess(got.gradient, exact.gradient, Number::float32, slope * size), 1);
    // Each pixel's error is that, times the distance that it changes.
    double magnitude = 0;
    for (const double output : outputs)
      magnitude += slope * (std::abs(output) + 1) * size;
    CHECK_LT(excess(got.totals, exact.totals, Number::float32, magnitude), 1);
  });
}

/// Equal pixels, so that all roundings of a sum go the same way, and the
/// largest bands: eight terms per thread.
TEST_CASE("totals of many pixels keep seven digits") {
#ifdef VAE_FEW_SHAPES
  const Size size{2, 23, 20, 8, 46, 40};
#else
  const Size size{264, 23, 20, 8, 46, 40};
#endif
  for (const double bias : {0.3, 0.71, -1.3}) {
    CAPTURE(bias);
    Layer layer(size, Likelihood::bernoulli);
    layer.w.there.write(Values(index(8 * kTaps)));
    layer.bias = bias;
    layer.target.assign(layer.target.size(), 0.125);
    const Values got = layer.run().totals;
    const PixelLoss<float> pixel =
        bernoulli_loss(static_cast<float>(bias), 0.125f);
    const float d = pixel.mean - 0.125f;
    const auto pixels = static_cast<double>(size.pixels());
    CHECK(got[0] == doctest::Approx(pixels * double{pixel.loss}).epsilon(1e-6));
    CHECK(got[1] == doctest::Approx(pixels * double{d * d}).epsilon(1e-6));
    CHECK(got[2] ==
          doctest::Approx(pixels * double{pixel.gradient}).epsilon(1e-6));
  }
}

TEST_CASE("totals have the same bytes in any order of blocks") {
  for_all([](Layer& layer) {
    layer.run();
    const std::vector<ExactSum> once = layer.totals;
    layer.run();
    CHECK(same_bytes(once, layer.totals));
  });
}

TEST_CASE("an output that is not finite makes the totals NaN") {
  for (const Likelihood likelihood : kLikelihoods) {
    Layer layer(kSizes[0], likelihood);
    layer.bias = NAN;
    for (const double total : layer.run().totals) CHECK(std::isnan(total));
  }
}

}  // namespace
}  // namespace vae::engine
