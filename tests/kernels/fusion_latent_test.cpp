// The fused latent code against its formulas in float64, with the noise of the
// device's unfused operation.
#include "engine/math/objective.hpp"
#include "kernels/fusion_support.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {
namespace {

constexpr NoiseKey kKey{11, vae::Stream::train, 3};
constexpr std::uint64_t kFirstRow = 1000;

/// rows and latent dimensions: one block of noise and less, more than threads.
constexpr Shape kCodes[]{{1, 1}, {3, 5}, {64, 32}, {2, 33}, {150, 130}};

Values noise_of(Device& device, const NoiseKey& key, const Shape& shape) {
  const Array noise(device, shape.rows * shape.channels);
  device.operations().normals({key, nullptr, kFirstRow, shape.rows,
                               shape.channels, 1.0f, noise.floats()});
  return noise.read();
}

struct DeviceForward {
  Shape code;
  Values product_values, bias_values;
  Number number;
  Array product, bias, heads, noise, z, kl;

  DeviceForward(Device& device, const Shape& shape, Number of)
      : code(shape),
        product_values(random_values(shape.rows * 2 * shape.channels, 1, of)),
        bias_values(random_values(2 * shape.channels, 2)),
        number(of),
        product(device, product_values, of),
        bias(device, bias_values),
        heads(device, shape.rows * 2 * shape.channels),
        noise(device, shape.rows * shape.channels),
        z(device, shape.rows * shape.channels, of),
        kl(device, shape.rows) {}

  void run(Device& device, const Cursor* cursor) {
    device.operations().fusion()->latent_forward(
        {product.matrix({code.rows, 2 * code.channels}), bias.floats(),
         heads.floats(), noise.floats(), z.data(), kl.floats(), kKey, cursor,
         kFirstRow});
  }
};

void check_forward(Device& device, const Shape& shape, Number number) {
  CAPTURE(shape.rows);
  CAPTURE(shape.channels);
  DeviceForward got(device, shape, number);
  got.run(device, nullptr);
  const Values noise = noise_of(device, kKey, shape);
  CHECK(got.noise.read() == noise);
  Values heads = got.product_values, z(noise), kl(index(shape.rows));
  const std::size_t latent = index(shape.channels);
  for (std::size_t i = 0; i < heads.size(); ++i)
    heads[i] += got.bias_values[i % (2 * latent)];
  for (std::size_t i = 0; i < z.size(); ++i) {
    const std::size_t row = i / latent, k = i % latent;
    const double mean = heads[row * 2 * latent + k];
    const double logvar = heads[row * 2 * latent + latent + k];
    z[i] = mean + std::exp(logvar / 2) * noise[i];
    kl[row] += (mean * mean + std::exp(logvar) - 1 - logvar) / 2;
  }
  // heads and KL stay in float32, whatever the product's numbers are.
  CHECK_LE(excess(got.heads.read(), heads, Number::float32, largest(heads)), 1);
  CHECK_LE(excess(got.kl.read(), kl, Number::float32, largest(kl)), 1);
  // exp of a number that is off by its own rounding.
  const double scale = largest(heads) * std::exp(largest(heads) / 2) + 5;
  CHECK_LE(excess(got.z.read(), z, number, scale), 1);
}

void check_backward(Device& device, const Shape& shape, Number number,
                    bool accumulate) {
  CAPTURE(shape.rows);
  CAPTURE(shape.channels);
  const auto [rows, latent] = shape;
  const Values dz = random_values(rows * latent, 3, number);
  const Values heads = random_values(rows * 2 * latent, 4);
  const Values noise = random_values(rows * latent, 5);
  const Values before = random_values(2 * latent, 6);
  Settings settings{};
  settings.kl_weight = 0.5;
  const Buffer on_device = device.allocate(sizeof settings);
  device.upload(on_device.get(), &settings, sizeof settings);
  const Array in(device, dz, number), h(device, heads), n(device, noise);
  const Array dheads(device, rows * 2 * latent, number);
  const Array dbias(device, before);
  device.operations().fusion()->latent_backward(
      {in.matrix(shape), h.floats(), n.floats(), dheads.data(), dbias.floats(),
       static_cast<const Settings*>(on_device.get()), accumulate});

  Values exact(heads.size());
  Values sums = accumulate ? before : Values(before.size());
  const std::size_t width = index(latent);
  for (std::size_t i = 0; i < dz.size(); ++i) {
    const std::size_t row = i / width, k = i % width;
    const std::size_t mean = row * 2 * width + k, logvar = mean + width;
    exact[mean] = dz[i] + 0.5 * heads[mean];
    exact[logvar] = dz[i] * noise[i] * std::exp(heads[logvar] / 2) / 2 +
                    0.5 * (std::exp(heads[logvar]) - 1) / 2;
    sums[k] += exact[mean];
    sums[k + width] += exact[logvar];
  }
  const double size = largest(exact);
  CHECK_LE(excess(dheads.read(), exact, number, size), 1);
  CHECK_LE(excess(dbias.read(), sums, Number::float32,
                  static_cast<double>(rows) * size),
           1);
}

}  // namespace

TEST_CASE("latent_forward on every shape and number") {
  for (const Number number : kNumbers)
    for (const Shape& shape : kCodes)
      check_forward(kernel_device(), shape, number);
}

TEST_CASE("latent_forward draws for the cursor's step") {
  Device& device = kernel_device();
  const Shape shape{4, 6};
  Cursor cursor;
  cursor.step = 17;
  const Buffer memory = device.allocate(sizeof cursor);
  device.upload(memory.get(), &cursor, sizeof cursor);
  DeviceForward got(device, shape, Number::float32);
  got.run(device, static_cast<const Cursor*>(memory.get()));
  NoiseKey key = kKey;
  key.step = 17;
  CHECK(got.noise.read() == noise_of(device, key, shape));
}

TEST_CASE("latent_forward equals the unfused operation to the bit") {
  Device& device = kernel_device();
  const Shape shape{5, 33};
  DeviceForward got(device, shape, Number::float32);
  got.run(device, nullptr);
  const Array z(device, 5 * 33), kl(device, 5);
  device.operations().latent({got.heads.floats(), got.noise.floats(),
                              z.floats(), kl.floats(), shape.rows,
                              shape.channels});
  CHECK(z.raw() == got.z.raw());
  CHECK(kl.raw() == got.kl.raw());
}

TEST_CASE("latent_backward on every shape and number") {
  for (const Number number : kNumbers)
    for (const Shape& shape : kCodes)
      check_backward(kernel_device(), shape, number, shape.rows % 2 == 0);
}

}  // namespace vae::engine
