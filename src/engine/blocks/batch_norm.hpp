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

// Sums over the pixels of large images on the CPU, in double. LibTorch sums
// channels-last images sequentially in float32: for 2048 x 2048 pixels the
// relative error of the variance is 3e-3.

/// Whether the relative error of LibTorch's sums over x [B, C, H, W] may exceed
/// about 1e-5: x is float32 on the CPU and has many pixels.
bool has_many_pixels(const at::Tensor& x);

/// Two sums per channel, float64 [C] each.
struct ColumnSums {
  at::Tensor first, second;
};
/// Sums over pixels of x and of its squared distance from the mean.
ColumnSums moments(const at::Tensor& x);
/// Sums over pixels of dy and of dy times (x - mean) * invstd.
ColumnSums norm_sums(const at::Tensor& dy, const at::Tensor& x,
                     const at::Tensor& mean, const at::Tensor& invstd);

}  // namespace vae::engine::blocks
