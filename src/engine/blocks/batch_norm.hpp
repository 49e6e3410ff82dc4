// BatchNorm over [B, C, H, W] (Ioffe & Szegedy 2015), with the batch's
// statistics in training and the running statistics otherwise. The commit
// updates the running statistics, not this block.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

struct NormResult {
  at::Tensor out;
  at::Tensor saved_mean, saved_invstd;  // for the backward pass
  at::Tensor mean, unbiased_var;        // of the batch, for the running ones
};
NormResult norm_forward(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias);

struct NormGradient {
  at::Tensor input, weight, bias;
};
NormGradient norm_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const NormResult& forward);

at::Tensor norm_running(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& mean,
                        const at::Tensor& var);

}  // namespace vae::engine::blocks
