// The latent code and its gradient by CUDA kernels: elements are bit-equal to
// the CPU's, a row's KL is the rounded sum of terms in double.
#include "engine/math/objective.hpp"
#include "kernels/unfused_support.hpp"

namespace vae::engine {
namespace {

struct Size {
  std::int64_t rows, latent;
};
/// A row is a block of 128 threads: fewer elements, as many, more, ragged.
constexpr Size kSizes[]{{1, 1}, {5, 3}, {2, 128}, {3, 300}, {67, 20}};

struct Inputs {
  explicit Inputs(const Size& size)
      : heads(random_floats(size.rows * 2 * size.latent, 1, 3)),
        noise(random_floats(size.rows * size.latent, 2)),
        dz(random_floats(size.rows * size.latent, 3)) {
    heads.back() = 50;  // a log-variance above its clamp
    if (size.latent > 1) heads[at(size.latent)] = -90;  // and below
  }
  std::vector<float> heads, noise, dz;
};

struct Outputs {
  std::vector<float> z, kl, dheads;
};

Outputs outputs_of(Device& device, const Inputs& in, const Size& size) {
  const On<float> heads(device, in.heads), noise(device, in.noise);
  const On<float> dz(device, in.dz);
  const On<float> z(device, size.rows * size.latent), kl(device, size.rows);
  const On<float> dheads(device, size.rows * 2 * size.latent);
  Settings set{};
  set.kl_weight = 0.3;
  const On<Settings> settings(device, {set});
  device.operations().latent({heads.data(), noise.data(), z.data(), kl.data(),
                              size.rows, size.latent});
  device.operations().latent_gradient({heads.data(), noise.data(), dz.data(),
                                       dheads.data(), size.rows, size.latent,
                                       settings.data()});
  return {z.read(), kl.read(), dheads.read()};
}

Exact row_kl(const Inputs& in, const Size& size, std::int64_t row) {
  Exact kl;
  for (std::int64_t k = 0; k < size.latent; ++k) {
    const std::int64_t mean = row * 2 * size.latent + k;
    kl.add(double{
        kl_divergence(in.heads[at(mean)], in.heads[at(mean + size.latent)])});
  }
  return kl;
}

TEST_CASE("codes and their gradient are bit-equal to the CPU's") {
  const auto cpu = make_cpu_device(1);
  for (const Size& size : kSizes) {
    CAPTURE(size.rows);
    CAPTURE(size.latent);
    const Inputs in(size);
    const Outputs expected = outputs_of(*cpu, in, size);
    const Outputs got = outputs_of(kernel_device(), in, size);
    CHECK(same_bytes(got.z, expected.z));
    CHECK(same_bytes(got.dheads, expected.dheads));
  }
}

TEST_CASE("a row's KL is the sum of its terms") {
  const auto cpu = make_cpu_device(1);
  for (const Size& size : kSizes) {
    CAPTURE(size.rows);
    CAPTURE(size.latent);
    const Inputs in(size);
    const auto expected = outputs_of(*cpu, in, size).kl;
    const auto got = outputs_of(kernel_device(), in, size).kl;
    for (std::int64_t row = 0; row < size.rows; ++row) {
      CAPTURE(row);
      const Exact exact = row_kl(in, size, row);
      CHECK(rounded_sum(got[at(row)], exact));
      CHECK(lane_sum(expected[at(row)], got[at(row)], exact, size.latent));
    }
  }
}

TEST_CASE("the same codes give the same bytes again") {
  const Size size{67, 20};
  const Inputs in(size);
  const Outputs once = outputs_of(kernel_device(), in, size);
  const Outputs again = outputs_of(kernel_device(), in, size);
  CHECK(same_bytes(once.z, again.z));
  CHECK(same_bytes(once.kl, again.kl));
  CHECK(same_bytes(once.dheads, again.dheads));
}

}  // namespace
}  // namespace vae::engine
