// BatchNorm over [B, C, H, W] (Ioffe & Szegedy 2015): with the batch's own
// statistics in training, with the running ones otherwise. Keeping the running
// ones up to date is the commit's business, not this block's.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

struct NormForward {
  at::Tensor out;
  at::Tensor saved_mean, saved_invstd;  // what the backward needs
  at::Tensor mean, unbiased_var;        // of the batch, as PyTorch folds them
};
NormForward norm_forward(const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& bias);

struct NormGradient {
  at::Tensor input, weight, bias;
};
NormGradient norm_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight,
                           const NormForward& forward);

at::Tensor norm_running(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& mean,
                        const at::Tensor& var);

}  // namespace vae::engine::blocks
