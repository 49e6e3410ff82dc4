// See batch_norm.hpp.
#include "engine/blocks/batch_norm.hpp"

#include "model/plan.hpp"

namespace vae::engine::blocks {

NormForward norm_forward(const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& bias) {
  NormForward f;
  // With momentum 1, LibTorch's "running" statistics are the batch's own, in
  // PyTorch's convention (unbiased variance).
  f.mean = at::zeros_like(weight);
  f.unbiased_var = at::zeros_like(weight);
  std::tie(f.out, f.saved_mean, f.saved_invstd) = at::native_batch_norm(
      x, weight, bias, f.mean, f.unbiased_var, true, 1.0, model::kNormEpsilon);
  return f;
}

NormGradient norm_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight,
                           const NormForward& forward) {
  auto [input, dweight, bias] = at::native_batch_norm_backward(
      dy, x, weight, {}, {}, forward.saved_mean, forward.saved_invstd, true,
      model::kNormEpsilon, {true, true, true});
  return {input, dweight, bias};
}

at::Tensor norm_running(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& mean,
                        const at::Tensor& var) {
  return std::get<0>(at::native_batch_norm(x, weight, bias, mean, var, false,
                                           0.0, model::kNormEpsilon));
}

}  // namespace vae::engine::blocks
