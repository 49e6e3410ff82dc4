// BatchNorm from the sums of the preceding GEMM, and its gradient from those of
// the following one, against both in double. Emulated only: on a GPU the whole
// pass is compared with the reference.
#include "engine/cuda/gemm_kernels.hpp"
#include "kernels/sums_support.hpp"

namespace vae::engine {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr float kImages = 3;

/// A block has 64 channels, and two times 32 rows of them: less, ragged, more.
/// The last: more rows than blocks for two to each thread.
#ifdef VAE_FEW_SHAPES
constexpr Shape kMatrices[]{{5, 8}, {150, 72}};
#else
constexpr Shape kMatrices[]{{2, 8},   {3, 24},   {64, 64},  {65, 72},
                            {150, 8}, {777, 72}, {33, 200}, {68000, 8}};
#endif

/// Mean and variance of each channel, in double.
struct Statistics {
  Values mean, variance;
  Statistics(const Values& x, const Shape& shape)
      : mean(index(shape.channels)), variance(mean) {
    const std::size_t channels = mean.size();
    const auto rows = static_cast<double>(shape.rows);
    for (std::size_t i = 0; i < x.size(); ++i)
      mean[i % channels] += x[i] / rows;
    for (std::size_t i = 0; i < x.size(); ++i)
      variance[i % channels] += std::pow(x[i] - mean[i % channels], 2) / rows;
  }
  double invstd(std::size_t c) const {
    return 1 / std::sqrt(variance[c] + model::kNormEpsilon);
  }
};

/// Activations of channels with means from -100 to 100, the last constant.
Values activations(const Shape& shape) {
  Values x = random_values(shape.rows * shape.channels, 1);
  const std::size_t channels = index(shape.channels);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    const double mean = c % 4 == 0 ? 0 : c % 4 == 1 ? 1 : c % 4 == 2 ? -7 : 100;
    x[i] = c + 1 == channels ? 3.140625 : x[i] + mean;
    x[i] = bfloat16_of(x[i]);
  }
  return x;
}

/// The sums of the preceding kernel: of a and b over rows.
On<ExactSum> sums_over_rows(const Values& a, const Values& b,
                            const Shape& shape) {
  std::vector<ExactSum> sums = no_sums(2 * shape.channels);
  const std::size_t channels = index(shape.channels);
  for (std::size_t i = 0; i < a.size(); ++i) {
    add_exactly(sums[i % channels], a[i]);
    add_exactly(sums[channels + i % channels], b[i]);
  }
  return {kernel_device(), sums};
}
Values squares(const Values& x, double factor) {
  Values result;
  for (const double each : x) result.push_back(factor * each * each);
  return result;
}

/// norm_apply on x, with what it has written.
struct Applied {
  Shape shape;
  Values weight, bias, product_bias, before;
  Array w, b, pb;
  Array out, mean, invstd, mean_sum, var_sum;

  /// `factor`: by which the sums of squares are off.
  Applied(const Values& x, const Shape& of, bool accumulate, double factor = 1)
      : shape(of),
        weight(random_values(of.channels, 2)),
        bias(random_values(of.channels, 3)),
        product_bias(random_values(of.channels, 4)),
        before(random_values(of.channels, 5)),
        w(kernel_device(), weight),
        b(kernel_device(), bias),
        pb(kernel_device(), product_bias),
        out(spoiled(of.rows * of.channels, Number::bfloat16)),
        mean(spoiled(of.channels)),
        invstd(spoiled(of.channels)),
        mean_sum(spoiled(of.channels)),
        var_sum(spoiled(of.channels)) {
    if (accumulate) mean_sum.write(before), var_sum.write(before);
    const Numbers in(x);
    const On<ExactSum> sums = sums_over_rows(x, squares(x, factor), shape);
    cuda::norm_apply(
        {bits(in.there), bits(out), sums.data(), w.floats(), b.floats(),
         pb.floats(), mean.floats(), invstd.floats(), mean_sum.floats(),
         var_sum.floats(), static_cast<std::int32_t>(shape.rows),
         static_cast<std::int32_t>(shape.channels), kImages, accumulate},
        nullptr);
    require_launched();
  }
};

void check_output(const Applied& got, const Values& x, const Statistics& s) {
  Sized exact(got.shape.rows * got.shape.channels);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % s.mean.size();
    const double factor = s.invstd(c) * got.weight[c];
    exact.sum[i] =
        activated((x[i] - s.mean[c]) * factor + got.bias[c], Kind::leaky_relu);
    // The mean that is taken away is a float.
    exact.size[i] = (std::abs(x[i]) + std::abs(s.mean[c])) * std::abs(factor) +
                    std::abs(got.bias[c]);
  }
  CHECK(excess(got.out.read(), exact, Number::bfloat16, 3e-7) < 1);
}

void check_running(const Applied& got, const Statistics& s, bool accumulate) {
  Sized mean(got.shape.channels), var(got.shape.channels);
  const auto rows = static_cast<double>(got.shape.rows);
  for (std::int64_t c = 0; c < got.shape.channels; ++c) {
    const std::size_t k = index(c);
    mean.add(c, double{kImages} * s.mean[k]);
    mean.add(c, double{kImages} * got.product_bias[k]);
    var.add(c, double{kImages} * s.variance[k] * rows / (rows - 1));
    // E[x^2] - mean^2 in double, where the squares are much larger.
    var.size[k] += 1e-8 * s.mean[k] * s.mean[k];
    if (accumulate) mean.add(c, got.before[k]), var.add(c, got.before[k]);
  }
  // Rounded to float once, and once more where they are added: 2^-23.
  CHECK(excess(got.mean_sum.read(), mean, Number::float32, 1.2e-7) < 1);
  CHECK(excess(got.var_sum.read(), var, Number::float32, 1.2e-7) < 1);
}

void check_kept(const Applied& got, const Statistics& s) {
  Sized mean(got.shape.channels), invstd(got.shape.channels);
  for (std::int64_t c = 0; c < got.shape.channels; ++c) {
    mean.add(c, s.mean[index(c)]);
    invstd.add(c, s.invstd(index(c)));
  }
  CHECK(excess(got.mean.read(), mean, Number::float32, 0x1.01p-24) < 1);
  // Four roundings: of the variance, epsilon's sum, the root, the quotient.
  CHECK(excess(got.invstd.read(), invstd, Number::float32, 2.4e-7) < 1);
}

/// g and what norm_gradient has made of it.
struct Gradient {
  Values weight, mean, invstd, g;
  Sized exact;

  Gradient(const Values& x, const Shape& shape, const Statistics& s)
      : weight(random_values(shape.channels, 7)),
        mean(s.mean),
        g(random_values(shape.rows * shape.channels, 6, Number::bfloat16)),
        exact(shape.rows * shape.channels) {
    for (std::size_t c = 0; c < mean.size(); ++c) invstd.push_back(s.invstd(c));
    const auto rows = static_cast<double>(shape.rows);
    Values mean_g(mean.size()), mean_gx(mean.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t c = i % mean.size();
      mean_g[c] += g[i] / rows;
      mean_gx[c] += g[i] * (x[i] - mean[c]) * invstd[c] / rows;
    }
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t c = i % mean.size();
      const double factor = weight[c] * invstd[c];
      const double by_x = factor * invstd[c] * mean_gx[c];
      const auto at = static_cast<std::int64_t>(i);
      for (const double term :
           {g[i] * factor, -factor * mean_g[c], -x[i] * by_x, mean[c] * by_x})
        exact.add(at, term);
    }
  }
  Values normalised(const Values& x) const {
    Values result;
    for (std::size_t i = 0; i < x.size(); ++i)
      result.push_back((x[i] - mean[i % mean.size()]) *
                       invstd[i % mean.size()]);
    return result;
  }
  Values run(const Values& x, const Shape& shape) const {
    Values gx = normalised(x);
    for (std::size_t i = 0; i < g.size(); ++i) gx[i] *= g[i];
    const On<ExactSum> sums = sums_over_rows(g, gx, shape);
    const Numbers in(x), gradient(g);
    const Array w(kernel_device(), weight), m(kernel_device(), mean),
        s(kernel_device(), invstd);
    cuda::norm_gradient({bits(gradient.there),
                         {bits(in.there), w.floats(), m.floats(), s.floats(),
                          sums.data(), static_cast<std::int32_t>(shape.rows)},
                         static_cast<std::int32_t>(shape.channels)},
                        nullptr);
    require_launched();
    return gradient.there.read();
  }
};

}  // namespace

TEST_CASE("a norm from sums is BatchNorm and LeakyReLU") {
  for (const Shape& shape : kMatrices) {
    CAPTURE(shape.rows);
    CAPTURE(shape.channels);
    const Values x = activations(shape);
    const Statistics s(x, shape);
    const Applied got(x, shape, false);
    check_output(got, x, s);
    check_kept(got, s);
    check_running(got, s, false);
  }
}

TEST_CASE("running statistics are added to those of the batches before") {
  const Shape shape{150, 72};
  const Values x = activations(shape);
  const Statistics s(x, shape);
  const Applied got(x, shape, true);
  check_kept(got, s);
  check_running(got, s, true);
}

TEST_CASE("NaN in a channel affects only that channel") {
  const Shape shape{70, 72};
  Values x = activations(shape);
  x[5 * 72 + 66] = kNaN;
  const Applied got(x, shape, false);
  const Values out = got.out.read(), mean = got.mean_sum.read();
  const Values var = got.var_sum.read();
  for (std::size_t i = 0; i < out.size(); ++i)
    REQUIRE_EQ(std::isnan(out[i]), i % 72 == 66);
  for (std::size_t c = 0; c < mean.size(); ++c) {
    CHECK_EQ(std::isnan(mean[c]), c == 66);
    CHECK_EQ(std::isnan(var[c]), c == 66);
  }
}

TEST_CASE("a variance that is negative by rounding is zero") {
  const Shape shape{70, 8};
  const Values x(70 * 8, 100.0);
  // Products add squares in float32: 1e-6 of 10^4 is far more than epsilon.
  const Applied got(x, shape, false, 1 - 1e-6);
  CHECK_EQ(got.var_sum.read(), Values(8));
  for (const double invstd : got.invstd.read())
    CHECK(invstd ==
          doctest::Approx(1 / std::sqrt(model::kNormEpsilon)).epsilon(1e-6));
  const Values out = got.out.read();
  for (std::size_t i = 0; i < out.size(); ++i)
    CHECK_EQ(out[i], bfloat16_of(activated(got.bias[i % 8], Kind::leaky_relu)));
}

TEST_CASE("a norm's gradient is the derivative by its input") {
  for (const Shape& shape : kMatrices) {
    CAPTURE(shape.rows);
    CAPTURE(shape.channels);
    const Values x = activations(shape);
    const Gradient gradient(x, shape, Statistics(x, shape));
    // Each term has a factor that was rounded a few times: 2^-24 each.
    CHECK(excess(gradient.run(x, shape), gradient.exact, Number::bfloat16,
                 5e-7) < 1);
  }
}

}  // namespace vae::engine
