// BatchNorm of large images in float32 against autograd in float64, with sums
// over a quarter of a million pixels, in either memory order.
#include "autograd.hpp"
#include "engine/blocks/batch_norm.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {
namespace {

namespace F = torch::nn::functional;

constexpr std::int64_t kSide = 512;

/// Around 0.7, so that sums have a sign. `last`: channels innermost.
at::Tensor large_images(std::int64_t channels, int seed, bool last) {
  torch::manual_seed(static_cast<std::uint64_t>(seed));
  const at::Tensor rows = at::rand({1, kSide, kSide, channels}).add_(0.2);
  const at::Tensor images = rows.permute({0, 3, 1, 2});
  return last ? images : images.contiguous();
}

at::Tensor in_double(const at::Tensor& x) { return x.to(at::kDouble); }

void check(std::int64_t channels, bool last) {
  CAPTURE(channels);
  CAPTURE(last);
  const at::Tensor x = large_images(channels, 1, last);
  const at::Tensor dy = large_images(channels, 2, last);
  const at::Tensor weight = at::rand({channels}).add_(0.5);
  const at::Tensor bias = at::rand({channels});
  const auto exact = differentiate(
      [](const std::vector<at::Tensor>& in) {
        return F::batch_norm(in[0], {}, {},
                             F::BatchNormFuncOptions()
                                 .weight(in[1])
                                 .bias(in[2])
                                 .training(true)
                                 .eps(model::kNormEpsilon));
      },
      {in_double(x), in_double(weight), in_double(bias)}, in_double(dy));
  const NormResult forward = norm_forward(x, weight, bias);
  const NormGradient gradient = norm_backward(dy, x, weight, forward);
  const std::vector<std::int64_t> all{0, 2, 3};
  // One rounding of a sum in double.
  CHECK_EQ(difference(in_double(x).mean(all), in_double(forward.mean), 1e-7),
           "");
  CHECK_EQ(
      difference(in_double(x).var(all), in_double(forward.unbiased_var), 1e-7),
      "");
  // Elements: some roundings of numbers up to a few times as large.
  CHECK_EQ(difference(exact.out, in_double(forward.out), 1e-6), "");
  CHECK_EQ(difference(exact.gradients[0], in_double(gradient.input), 1e-6), "");
  CHECK_EQ(difference(exact.gradients[2], in_double(gradient.bias), 1e-7), "");
  // Terms of both signs cancel, so the error is relative to their magnitudes.
  const at::Tensor off = (exact.gradients[1] - gradient.weight).abs();
  CHECK_LE(off.max().item<double>(), 1e-6 * kSide * kSide);
}

TEST_CASE("BatchNorm of many pixels equals that in float64") {
  for (const std::int64_t channels : {1, 17})
    for (const bool last : {true, false}) check(channels, last);
}

TEST_CASE("LibTorch computes small images, other types and vectors") {
  CHECK(has_many_pixels(at::empty({2, 3, 256, 256})));
  CHECK_FALSE(has_many_pixels(at::empty({1, 3, 256, 256})));
  CHECK_FALSE(has_many_pixels(at::empty({128, 64, 14, 14})));
  CHECK_FALSE(has_many_pixels(at::empty({2, 3, 256, 256}, at::kDouble)));
  CHECK_FALSE(has_many_pixels(at::empty({2, 3, 256, 256}, at::kBFloat16)));
  CHECK_FALSE(has_many_pixels(at::empty({1 << 17, 3})));
}

TEST_CASE("sums over pixels do not depend on the number of threads") {
  const at::Tensor x = large_images(3, 3, true), dy = large_images(3, 4, true);
  const at::Tensor mean = at::full({3}, 0.7), invstd = at::full({3}, 3.0);
  const int before = at::get_num_threads();
  std::vector<ColumnSums> sums;
  for (const int threads : {1, 2, 5}) {
    at::set_num_threads(threads);
    sums.push_back(moments(x));
    sums.push_back(norm_sums(dy, x, mean, invstd));
  }
  at::set_num_threads(before);
  for (std::size_t i = 2; i < sums.size(); ++i) {
    CHECK(at::equal(sums[i].first, sums[i % 2].first));
    CHECK(at::equal(sums[i].second, sums[i % 2].second));
  }
}

}  // namespace
}  // namespace vae::engine::blocks
