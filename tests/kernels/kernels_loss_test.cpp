// Likelihood and a batch's sums by CUDA kernels: gradients are bit-equal to the
// CPU's, sums are those of terms in double, rounded.
#include "engine/math/objective.hpp"
#include "kernels/unfused_support.hpp"

namespace vae::engine {
namespace {

struct Size {
  std::int64_t rows, pixels;
};
constexpr Size kSizes[]{{1, 1}, {5, 3}, {2, 128}, {7, 391}};
constexpr double kSigma = 0.3;

struct Images {
  explicit Images(const Size& size)
      : output(random_floats(size.rows * size.pixels, 1, 4)) {
    for (const std::uint8_t byte : random_bytes(size.rows * size.pixels, 2))
      target.push_back(static_cast<float>(byte) / 255.0f);
    output[0] = 300;  // its exponential is not finite in float
  }
  std::vector<float> output, target;
};

struct Losses {
  std::vector<float> recon, mse, gradient;
};

Losses losses_of(Device& device, const Images& in, const Size& size,
                 Likelihood likelihood, bool wanted) {
  const On<float> output(device, in.output), target(device, in.target);
  const On<float> gradient(device, size.rows * size.pixels);
  const On<float> recon(device, size.rows), mse(device, size.rows);
  device.operations().reconstruction(
      {output.data(), target.data(), wanted ? gradient.data() : nullptr,
       recon.data(), mse.data(), size.rows, size.pixels, likelihood, kSigma});
  return {recon.read(), mse.read(), gradient.read()};
}

PixelLoss<float> pixel_loss(float output, float target, Likelihood likelihood) {
  if (likelihood == Likelihood::bernoulli)
    return bernoulli_loss(output, target);
  return gaussian_loss(output, target,
                       static_cast<float>(gaussian_precision(kSigma)),
                       static_cast<float>(gaussian_norm(kSigma)));
}

void check_sums(const Images& in, const Size& size, Likelihood likelihood,
                const Losses& got, const Losses& cpu) {
  for (std::int64_t row = 0; row < size.rows; ++row) {
    CAPTURE(row);
    Exact recon, square;
    for (std::int64_t i = row * size.pixels; i < (row + 1) * size.pixels; ++i) {
      const float x = in.target[at(i)];
      const auto pixel = pixel_loss(in.output[at(i)], x, likelihood);
      const float d = pixel.mean - x;
      recon.add(double{pixel.loss});
      square.add(double{d * d} / static_cast<double>(size.pixels));
    }
    CHECK(rounded_sum(got.recon[at(row)], recon));
    CHECK(rounded_sum(got.mse[at(row)], square));
    CHECK(lane_sum(cpu.recon[at(row)], got.recon[at(row)], recon, size.pixels));
    CHECK(lane_sum(cpu.mse[at(row)], got.mse[at(row)], square, size.pixels));
  }
}

TEST_CASE("reconstruction of both likelihoods, with and without gradient") {
  const auto cpu = make_cpu_device(1);
  for (const auto likelihood : {Likelihood::bernoulli, Likelihood::gaussian})
    for (const Size& size : kSizes)
      for (const bool wanted : {true, false}) {
        CAPTURE(size.rows);
        CAPTURE(wanted);
        const Images in(size);
        const Losses got =
            losses_of(kernel_device(), in, size, likelihood, wanted);
        const Losses expected = losses_of(*cpu, in, size, likelihood, wanted);
        // Without a gradient, both leave the memory unchanged.
        CHECK(same_bytes(got.gradient, expected.gradient));
        check_sums(in, size, likelihood, got, expected);
        const Losses again =
            losses_of(kernel_device(), in, size, likelihood, wanted);
        CHECK(same_bytes(got.recon, again.recon));
        CHECK(same_bytes(got.mse, again.mse));
      }
}

/// Equal pixels, so that all roundings of a sum go the same way.
TEST_CASE("reconstruction of images with 1024 x 1024 pixels") {
  const auto cpu = make_cpu_device(1);
  const Size size{1, 1 << 20};
  for (const auto likelihood : {Likelihood::bernoulli, Likelihood::gaussian})
    for (Device* device : {&kernel_device(), cpu.get()}) {
      Images in({1, 1});
      in.output.assign(at(size.pixels), 0.3f);
      in.target.assign(at(size.pixels), 0.1f);
      const auto pixel = pixel_loss(0.3f, 0.1f, likelihood);
      const float d = pixel.mean - 0.1f;
      const Losses got = losses_of(*device, in, size, likelihood, false);
      CHECK(double{got.recon[0]} ==
            doctest::Approx(double{pixel.loss} * (1 << 20)).epsilon(1e-6));
      CHECK(double{got.mse[0]} == doctest::Approx(double{d * d}).epsilon(1e-6));
    }
}

struct Sum {
  std::int64_t rows, latent;
};

struct Parts {
  explicit Parts(const Sum& size)
      : heads(random_floats(size.rows * 2 * size.latent, 1)),
        recon(random_floats(size.rows, 2, 50)),
        kl(random_floats(size.rows, 3, 10)),
        mse(random_floats(size.rows, 4)) {}
  std::vector<float> heads, recon, kl, mse;
};

/// The tail after one call, and after a second call that accumulates.
std::vector<float> tail_of(Device& device, const Parts& in, const Sum& size,
                           bool twice) {
  const On<float> heads(device, in.heads), recon(device, in.recon);
  const On<float> kl(device, in.kl), mse(device, in.mse);
  const On<float> tail(device, tail_floats(size.latent));
  Settings set{};
  set.kl_weight = 0.3;
  const On<Settings> settings(device, {set});
  BatchSums sums{heads.data(), recon.data(),    kl.data(),
                 mse.data(),   tail.data(),     size.rows,
                 size.latent,  settings.data(), false};
  device.operations().batch_sums(sums);
  sums.accumulate = true;
  if (twice) device.operations().batch_sums(sums);
  return tail.read();
}

/// Everything in a tail but the flag, by its place.
std::vector<Exact> exact_tail(const Parts& in, const Sum& size) {
  std::vector<Exact> sums(at(tail_floats(size.latent)));
  for (std::int64_t i = 0; i < size.rows; ++i) {
    sums[0].add(double{in.recon[at(i)]});
    sums[0].add(double{0.3f} * double{in.kl[at(i)]});
    sums[1].add(double{in.recon[at(i)]});
    sums[2].add(double{in.kl[at(i)]});
    sums[3].add(double{in.mse[at(i)]});
    sums[4].add(1);
    for (std::int64_t k = 0; k < size.latent; ++k) {
      const float mean = in.heads[at(i * 2 * size.latent + k)];
      const float logvar = in.heads[at((i * 2 + 1) * size.latent + k)];
      const std::int64_t place = kTailFloats + k;
      sums[at(place)].add(double{kl_divergence(mean, logvar)});
      sums[at(place + size.latent)].add(double{mean});
      sums[at(place + 2 * size.latent)].add(double{mean} * double{mean});
    }
  }
  return sums;
}

TEST_CASE("sums of a batch, and their accumulation") {
  const auto cpu = make_cpu_device(1);
  for (const Sum& size : {Sum{1, 1}, Sum{7, 5}, Sum{300, 3}, Sum{129, 33}}) {
    CAPTURE(size.rows);
    const Parts in(size);
    const auto got = tail_of(kernel_device(), in, size, false);
    const auto expected = tail_of(*cpu, in, size, false);
    const auto exact = exact_tail(in, size);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      CHECK(rounded_sum(got[i], exact[i]));
      CHECK(rounded_sum(expected[i], exact[i]));
    }
    CHECK_EQ(got[5], 0.0f);
    const auto twice = tail_of(kernel_device(), in, size, true);
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK_EQ(twice[i], got[i] + got[i]);
    CHECK(same_bytes(got, tail_of(kernel_device(), in, size, false)));
  }
}

TEST_CASE("sums of many batches are added up in double") {
  const Sum size{3, 2};
  Parts in(size);
  for (auto* part : {&in.heads, &in.recon, &in.kl, &in.mse})
    for (float& value : *part) value = std::abs(value);
  Device& device = kernel_device();
  const On<float> heads(device, in.heads), recon(device, in.recon);
  const On<float> kl(device, in.kl), mse(device, in.mse);
  const On<double> totals(
      device, std::vector<double>(at(tail_floats(size.latent)), 0.0));
  Settings set{};
  set.kl_weight = 0.3;
  const On<Settings> settings(device, {set});
  constexpr int kBatches = 20;
  for (int i = 0; i < kBatches; ++i)
    device.operations().batch_sums({heads.data(), recon.data(), kl.data(),
                                    mse.data(), nullptr, size.rows, size.latent,
                                    settings.data(), true, totals.data()});
  const auto got = totals.read();
  const auto exact = exact_tail(in, size);
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(got[i] == doctest::Approx(kBatches * exact[i].sum).epsilon(1e-12));
  }
}

TEST_CASE("a loss that is not finite raises the flag, once for each batch") {
  const Sum size{131, 2};
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF})
    for (const bool in_recon : {false, true}) {
      Parts in(size);
      (in_recon ? in.recon : in.kl)[130] = bad;
      CHECK_EQ(tail_of(kernel_device(), in, size, false)[5], 1.0f);
      CHECK_EQ(tail_of(kernel_device(), in, size, true)[5], 2.0f);
    }
}

}  // namespace
}  // namespace vae::engine
