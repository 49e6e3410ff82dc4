// The device's fused bias and activation, in place, against sums in float64.
#include "kernels/fusion_support.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {
namespace {

void check_forward(Device& device, const Shape& shape, Number number,
                   Kind kind) {
  CAPTURE(shape.rows);
  CAPTURE(shape.channels);
  const auto [rows, c] = shape;
  Values values = random_values(rows * c, 1, number);
  const Values bias = random_values(c, 2);
  Values exact = values;
  for (std::size_t i = 0; i < exact.size(); ++i)
    exact[i] = activated(values[i] + bias[i % index(c)], kind);
  const Array x(device, values, number), b(device, bias);
  device.operations().fusion()->bias_forward(
      {x.matrix(shape), b.floats(), kind});
  CHECK_LE(excess(x.read(), exact, number, largest(values)), 1);
}

struct Backward {
  Values dy, out;
  Values dx, dbias;  // exact
};

Backward backward_of(const Shape& shape, Number number, Kind kind) {
  const auto [rows, c] = shape;
  Backward b{random_values(rows * c, 3, number),
             random_values(rows * c, 4, number),
             {},
             Values(index(c))};
  for (std::size_t i = 0; i < b.out.size(); i += 5)
    b.out[i] = i % 2 == 0 ? 0 : -0.0;
  b.dx = b.dy;
  for (std::size_t i = 0; i < b.dx.size(); ++i) {
    b.dx[i] = sloped(b.dy[i], b.out[i], kind);
    b.dbias[i % index(c)] += b.dx[i];
  }
  return b;
}

void check_backward(Device& device, const Shape& shape, Number number,
                    Kind kind, bool accumulate) {
  CAPTURE(shape.rows);
  CAPTURE(shape.channels);
  const auto [rows, c] = shape;
  Backward b = backward_of(shape, number, kind);
  const Values before = random_values(c, 5);
  const Array dy(device, b.dy, number), out(device, b.out, number);
  const Array dbias(device, before);
  device.operations().fusion()->bias_backward(
      {dy.matrix(shape), kind == Kind::none ? nullptr : out.data(),
       dbias.floats(), accumulate, kind});
  if (accumulate)
    for (std::size_t k = 0; k < before.size(); ++k) b.dbias[k] += before[k];
  CHECK_LE(excess(dy.read(), b.dx, number, largest(b.dy)), 1);
  // Without bfloat16's rounding: the terms are summed before they are rounded.
  CHECK_LE(excess(dbias.read(), b.dbias, Number::float32,
                  static_cast<double>(rows) * largest(b.dy)),
           1);
}

}  // namespace

TEST_CASE("bias_forward on every shape, number and activation") {
  for (const Number number : kNumbers)
    for (const Shape& shape : kShapes)
      check_forward(kernel_device(), shape, number, kKinds[shape.rows % 3]);
}

TEST_CASE("bias_backward on every shape, number and activation") {
  for (const Number number : kNumbers)
    for (const Shape& shape : kShapes)
      check_backward(kernel_device(), shape, number,
                     kKinds[(shape.rows + 1) % 3], shape.channels % 2 == 0);
}

TEST_CASE("every activation, on one shape") {
  for (const Kind kind : kKinds) {
    check_forward(kernel_device(), {21, 3}, Number::float32, kind);
    check_backward(kernel_device(), {21, 3}, Number::float32, kind, false);
  }
}

TEST_CASE("bias_backward without activation reads no output, writes no dy") {
  Device& device = kernel_device();
  const Shape shape{50, 3};
  const Array dy(device, 150, Number::bfloat16), dbias(device, 3);
  // Written again, this NaN would have other bits.
  const std::uint16_t odd = 0x7F81;
  device.upload(dy.data(), &odd, sizeof odd);
  const Bytes before = dy.raw();
  device.operations().fusion()->bias_backward(
      {dy.matrix(shape), nullptr, dbias.floats(), false, Kind::none});
  CHECK(dy.raw() == before);
  CHECK(std::isnan(dbias.read()[0]));
}

TEST_CASE("bias_backward gives the same bytes again, in any order of blocks") {
  Device& device = kernel_device();
  const Shape shape{1000, 5};  // two chunks, and three of the next
  const Shape wide{300, 64};
  for (const Shape& each : {shape, wide}) {
    const Backward b = backward_of(each, Number::float32, Kind::none);
    const Array dy(device, b.dy), dbias(device, each.channels);
    const auto run = [&] {
      device.operations().fusion()->bias_backward(
          {dy.matrix(each), nullptr, dbias.floats(), false, Kind::none});
      return dbias.raw();
    };
    const Bytes first = run();
    for (int again = 0; again < 3; ++again) CHECK(run() == first);
  }
}

}  // namespace vae::engine
