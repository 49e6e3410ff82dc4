// The device's fused BatchNorm with activation against sums in float64:
// training, inference, backward.
#include "kernels/fusion_support.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {
namespace {

constexpr double kImages = 5;

struct Inputs {
  Shape shape;
  Number number;
  Kind kind;
  Values x, weight, bias, product_bias;
};

Inputs inputs_of(const Shape& shape, Number number, Kind kind,
                 double mean = 0.5) {
  const std::int64_t c = shape.channels;
  return {shape,
          number,
          kind,
          random_values(shape.rows * c, 1, number, mean, 2),
          random_values(c, 2, Number::float32, 1),
          random_values(c, 3),
          random_values(c, 4)};
}

struct Statistics {
  Values mean, invstd, mean_sum, var_sum;
};

struct Forward {
  Values out;
  Statistics statistics;
};

Statistics exact_statistics(const Inputs& in) {
  const auto [rows, c] = in.shape;
  Statistics s;
  for (std::int64_t k = 0; k < c; ++k) {
    double sum = 0, square = 0;
    for (std::int64_t r = 0; r < rows; ++r) sum += in.x[index(r * c + k)];
    const auto n = static_cast<double>(rows);
    const double mean = sum / n;
    for (std::int64_t r = 0; r < rows; ++r)
      square += std::pow(in.x[index(r * c + k)] - mean, 2);
    s.mean.push_back(mean);
    s.invstd.push_back(1 / std::sqrt(square / n + model::kNormEpsilon));
    s.mean_sum.push_back(kImages * (mean + in.product_bias[index(k)]));
    s.var_sum.push_back(kImages * square / (n - 1));
  }
  return s;
}

Forward exact_forward(const Inputs& in) {
  Forward f{in.x, exact_statistics(in)};
  for (std::size_t i = 0; i < f.out.size(); ++i) {
    const std::size_t k = i % in.weight.size();
    const double normalised =
        (in.x[i] - f.statistics.mean[k]) * f.statistics.invstd[k];
    f.out[i] = activated(normalised * in.weight[k] + in.bias[k], in.kind);
  }
  return f;
}

/// One forward on the device, and all its results.
struct DeviceForward {
  Array x, out, weight, bias, product_bias, mean, invstd, mean_sum, var_sum;

  DeviceForward(Device& device, const Inputs& in)
      : x(device, in.x, in.number),
        out(device, in.shape.rows * in.shape.channels, in.number),
        weight(device, in.weight),
        bias(device, in.bias),
        product_bias(device, in.product_bias),
        mean(device, in.shape.channels),
        invstd(device, in.shape.channels),
        mean_sum(device, in.shape.channels),
        var_sum(device, in.shape.channels) {}

  void run(Device& device, const Inputs& in, bool accumulate) {
    device.operations().fusion()->norm_forward(
        {x.matrix(in.shape), out.data(), weight.floats(), bias.floats(),
         product_bias.floats(), mean.floats(), invstd.floats(),
         mean_sum.floats(), var_sum.floats(), static_cast<float>(kImages),
         accumulate, in.kind});
  }
};

void check_forward(Device& device, const Inputs& in) {
  CAPTURE(in.shape.rows);
  CAPTURE(in.shape.channels);
  const Forward exact = exact_forward(in);
  const Statistics& s = exact.statistics;
  DeviceForward got(device, in);
  got.run(device, in, false);
  const Number single = Number::float32;
  const double size = largest(in.x);
  CHECK_LE(excess(got.mean.read(), s.mean, single, size), 1);
  CHECK_LE(excess(got.invstd.read(), s.invstd, single, largest(s.invstd)), 1);
  CHECK_LE(excess(got.mean_sum.read(), s.mean_sum, single,
                  kImages * (size + largest(in.product_bias))),
           1);
  CHECK_LE(excess(got.var_sum.read(), s.var_sum, single, kImages * size * size),
           1);
  const double scale =
      size * largest(s.invstd) * largest(in.weight) + largest(in.bias);
  CHECK_LE(excess(got.out.read(), exact.out, in.number, scale), 1);
}

struct Backward {
  Values dx, dweight, dbias;
};

/// `mean` and `invstd` are inputs here, and need not be the batch's.
Backward exact_backward(const Inputs& in, const Values& dy, const Values& out,
                        const Statistics& s) {
  const std::int64_t rows = in.shape.rows, c = in.shape.channels;
  Backward b{dy, Values(index(c)), Values(index(c))};
  const auto normalised = [&](std::size_t i) {
    return (in.x[i] - s.mean[i % index(c)]) * s.invstd[i % index(c)];
  };
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const double g = sloped(dy[i], out[i], in.kind);
    b.dbias[i % index(c)] += g;
    b.dweight[i % index(c)] += g * normalised(i);
  }
  const auto n = static_cast<double>(rows);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const std::size_t k = i % index(c);
    b.dx[i] = in.weight[k] * s.invstd[k] *
              (sloped(dy[i], out[i], in.kind) - b.dbias[k] / n -
               normalised(i) * b.dweight[k] / n);
  }
  return b;
}

struct DeviceBackward {
  Array dy, x, out, weight, mean, invstd, dweight, dbias;

  DeviceBackward(Device& device, const Inputs& in, const Values& dy_values,
                 const Values& out_values, const Statistics& s)
      : dy(device, dy_values, in.number),
        x(device, in.x, in.number),
        out(device, out_values, in.number),
        weight(device, in.weight),
        mean(device, s.mean),
        invstd(device, s.invstd),
        dweight(device, in.shape.channels),
        dbias(device, in.shape.channels) {}

  void run(Device& device, const Inputs& in, bool accumulate) {
    device.operations().fusion()->norm_backward(
        {dy.matrix(in.shape), x.data(), out.data(), weight.floats(),
         mean.floats(), invstd.floats(), dweight.floats(), dbias.floats(),
         accumulate, in.kind});
  }
};

/// An output with every sign, and zero.
Values outputs(const Inputs& in) {
  Values out = random_values(in.shape.rows * in.shape.channels, 6, in.number);
  for (std::size_t i = 0; i < out.size(); i += 7)
    out[i] = i % 2 == 0 ? 0 : -0.0;
  return out;
}

Values sum_of(const Values& a, const Values& b) {
  Values sum = a;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += b[i];
  return sum;
}

void check_backward(Device& device, const Inputs& in) {
  CAPTURE(in.shape.rows);
  CAPTURE(in.shape.channels);
  const auto [rows, c] = in.shape;
  const Values dy = random_values(rows * c, 5, in.number), out = outputs(in);
  const Statistics s = exact_statistics(in);
  const Backward exact = exact_backward(in, dy, out, s);
  DeviceBackward got(device, in, dy, out, s);
  const Values before = random_values(c, 7);
  for (const bool accumulate : {false, true}) {
    got.dy.write(dy);
    got.dweight.write(before);
    got.dbias.write(before);
    got.run(device, in, accumulate);
    const Values none(index(c));
    const Values& older = accumulate ? before : none;
    const double normal = largest(in.x) * largest(s.invstd);
    const double size = largest(dy);
    // Sums of so many numbers of this size.
    const double sum = static_cast<double>(rows) * size;
    CHECK_LE(excess(got.dbias.read(), sum_of(exact.dbias, older),
                    Number::float32, sum),
             1);
    CHECK_LE(excess(got.dweight.read(), sum_of(exact.dweight, older),
                    Number::float32, sum * normal),
             1);
    const double scale =
        largest(in.weight) * largest(s.invstd) * size * (2 + normal * normal);
    CHECK_LE(excess(got.dy.read(), exact.dx, in.number, scale), 1);
  }
}

}  // namespace

TEST_CASE("norm_forward on every shape, number and activation") {
  Device& device = kernel_device();
  for (const Number number : kNumbers)
    for (const Shape& shape : kShapes)
      check_forward(device, inputs_of(shape, number, kKinds[shape.rows % 3]));
}

TEST_CASE(
    "norm_forward adds to its sums, and the same input gives the same "
    "bytes") {
  Device& device = kernel_device();
  const Inputs in = inputs_of({300, 33}, Number::float32, Kind::leaky_relu);
  DeviceForward got(device, in);
  got.run(device, in, false);
  const Values mean = got.mean_sum.read(), var = got.var_sum.read();
  const Bytes out = got.out.raw(), invstd = got.invstd.raw();
  got.run(device, in, true);
  CHECK(got.out.raw() == out);
  CHECK(got.invstd.raw() == invstd);
  CHECK(got.mean_sum.read() == sum_of(mean, mean));  // doubling is exact
  CHECK(got.var_sum.read() == sum_of(var, var));
}

TEST_CASE("a mean far from zero keeps the variance") {
  Device& device = kernel_device();
  const Inputs in = inputs_of({300, 5}, Number::float32, Kind::none, 1e4);
  const Statistics exact = exact_statistics(in);
  DeviceForward got(device, in);
  got.run(device, in, false);
  // Of the spread itself: 1e4 appears in no tolerance but the mean's.
  CHECK_LE(excess(got.invstd.read(), exact.invstd, Number::float32, 1), 1);
  CHECK_LE(excess(got.var_sum.read(), exact.var_sum, Number::float32, 20), 1);
  CHECK_LE(excess(got.mean.read(), exact.mean, Number::float32, 1e4, 0x1p-24),
           1);
  // The mean is kept in float32, off by up to 1e4 * 2^-24.
  CHECK_LE(excess(got.out.read(), exact_forward(in).out, Number::float32,
                  1e4 * largest(in.weight), 0x1p-24),
           1);
}

TEST_CASE("channels without spread, and a single row, give the norm's bias") {
  Device& device = kernel_device();
  for (const Shape& shape : {Shape{40, 3}, Shape{1, 5}}) {
    Inputs in = inputs_of(shape, Number::float32, Kind::none);
    for (double& value : in.x) value = 0.75;
    DeviceForward got(device, in);
    got.run(device, in, false);
    const Values out = got.out.read();
    for (std::size_t i = 0; i < out.size(); ++i)
      CHECK_EQ(out[i], in.bias[i % in.bias.size()]);
    const Values var = got.var_sum.read();
    // As PyTorch: one value has no unbiased variance.
    for (const double value : var)
      CHECK((shape.rows == 1 ? std::isnan(value) : value == 0.0));
  }
}

TEST_CASE("NaN stays NaN and in its channel") {
  Device& device = kernel_device();
  Inputs in = inputs_of({150, 3}, Number::float32, Kind::relu);
  in.x[149 * 3 + 1] = std::numeric_limits<double>::quiet_NaN();
  DeviceForward got(device, in);
  got.run(device, in, false);
  const Values out = got.out.read(), var = got.var_sum.read();
  for (std::size_t i = 0; i < out.size(); ++i)
    CHECK_EQ(std::isnan(out[i]), i % 3 == 1);
  for (std::size_t k = 0; k < 3; ++k) CHECK_EQ(std::isnan(var[k]), k == 1);
}

TEST_CASE(
    "norm_running takes the product's missing bias from the mean, also in "
    "place") {
  Device& device = kernel_device();
  for (const Number number : kNumbers) {
    for (const Shape& shape : {Shape{1, 1}, Shape{70, 130}, Shape{33, 5}}) {
      const Inputs in = inputs_of(shape, number, Kind::leaky_relu);
      const std::int64_t c = shape.channels;
      const Values mean = random_values(c, 8);
      Values var = random_values(c, 9);
      for (double& value : var) value = value * value + 0.125;
      Values exact = in.x;
      for (std::size_t i = 0; i < exact.size(); ++i) {
        const std::size_t k = i % index(c);
        exact[i] = activated((in.x[i] + in.product_bias[k] - mean[k]) /
                                     std::sqrt(var[k] + 1e-5) * in.weight[k] +
                                 in.bias[k],
                             in.kind);
      }
      DeviceForward got(device, in);
      const Array running_mean(device, mean), running_var(device, var);
      const auto run = [&](void* out) {
        device.operations().fusion()->norm_running(
            {got.x.matrix(shape), out, got.weight.floats(), got.bias.floats(),
             got.product_bias.floats(), running_mean.floats(),
             running_var.floats(), in.kind});
      };
      run(got.out.data());
      const double scale = 10 * 3 * largest(in.weight);  // x, 1 / deviation
      CHECK_LE(excess(got.out.read(), exact, number, scale), 1);
      run(got.x.data());
      CHECK(got.x.raw() == got.out.raw());
    }
  }
}

TEST_CASE("norm_backward on every shape, number and activation") {
  Device& device = kernel_device();
  for (const Number number : kNumbers)
    for (const Shape& shape : kShapes)
      check_backward(device,
                     inputs_of(shape, number, kKinds[(shape.rows + 1) % 3]));
}

TEST_CASE("norm_backward gives the same bytes again") {
  Device& device = kernel_device();
  const Inputs in = inputs_of({400, 40}, Number::float32, Kind::relu);
  const Values dy = random_values(400 * 40, 5), out = outputs(in);
  DeviceBackward got(device, in, dy, out, exact_statistics(in));
  got.run(device, in, false);
  const Bytes dx = got.dy.raw(), dweight = got.dweight.raw();
  got.dy.write(dy);
  got.run(device, in, false);
  CHECK(got.dy.raw() == dx);
  CHECK(got.dweight.raw() == dweight);
}

}  // namespace vae::engine
