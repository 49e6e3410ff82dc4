// See batch_norm.hpp.
#include "engine/blocks/batch_norm.hpp"

#include "engine/blocks/column_sums.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {
namespace {

/// [C] -> [1, C, 1, 1], to broadcast over images.
at::Tensor by_channel(const at::Tensor& values) {
  return values.to(at::kFloat).view({1, -1, 1, 1});
}

/// norm_forward() with sums in double: x [B, C, H, W], weight and bias [C].
NormResult forward_of_many(const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& bias) {
  const auto count = static_cast<double>(x.numel() / x.size(1));
  const ColumnSums sums = moments(x);
  const at::Tensor var = sums.second / count;
  NormResult f;
  f.mean = (sums.first / count).to(at::kFloat);
  f.unbiased_var = (sums.second / (count - 1)).to(at::kFloat);
  f.saved_mean = f.mean;
  f.saved_invstd = (var + model::kNormEpsilon).rsqrt().to(at::kFloat);
  f.out = norm_running(x, weight, bias, f.mean, var.to(at::kFloat));
  return f;
}

/// norm_backward() with sums in double: dy, x [B, C, H, W], weight [C].
NormGradient backward_of_many(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& weight,
                              const NormResult& forward) {
  const auto count = static_cast<double>(x.numel() / x.size(1));
  const at::Tensor &mean = forward.saved_mean, &invstd = forward.saved_invstd;
  const ColumnSums sums = norm_sums(dy, x, mean, invstd);
  // dx = weight * invstd * (dy - mean(dy) - xhat * mean(dy * xhat)), where
  // xhat = (x - mean) * invstd: linear in x and dy per channel.
  const at::Tensor factor = (weight * invstd).to(at::kDouble);
  const at::Tensor by_x =
      -factor * invstd.to(at::kDouble) * (sums.second / count);
  const at::Tensor shift =
      -factor * (sums.first / count) - by_x * mean.to(at::kDouble);
  at::Tensor input = at::addcmul(by_channel(shift), x, by_channel(by_x));
  input.addcmul_(dy, by_channel(factor));
  return {input, sums.second.to(at::kFloat), sums.first.to(at::kFloat)};
}

}  // namespace

// x [B, C, H, W], weight and bias [C] -> out [B, C, H, W], statistics [C]
NormResult norm_forward(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias) {
  if (has_many_pixels(x)) return forward_of_many(x, weight, bias);
  NormResult f;
  // With momentum 1, LibTorch's "running" statistics are the batch's own, in
  // PyTorch's convention (unbiased variance).
  f.mean = at::zeros_like(weight);
  f.unbiased_var = at::zeros_like(weight);
  std::tie(f.out, f.saved_mean, f.saved_invstd) = at::native_batch_norm(
      x, weight, bias, f.mean, f.unbiased_var, true, 1.0, model::kNormEpsilon);
  return f;
}

// dy, x [B, C, H, W] -> dx [B, C, H, W], dweight and dbias [C]
NormGradient norm_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight,
                           const NormResult& forward) {
  if (has_many_pixels(x)) return backward_of_many(dy, x, weight, forward);
  auto [input, dweight, bias] = at::native_batch_norm_backward(
      dy, x, weight, {}, {}, forward.saved_mean, forward.saved_invstd, true,
      model::kNormEpsilon, {true, true, true});
  return {input, dweight, bias};
}

// x [B, C, H, W], the others [C] -> [B, C, H, W]
at::Tensor norm_running(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& mean,
                        const at::Tensor& var) {
  return std::get<0>(at::native_batch_norm(x, weight, bias, mean, var, false,
                                           0.0, model::kNormEpsilon));
}

}  // namespace vae::engine::blocks
