// Sums over the pixels of large images for BatchNorm on the CPU, in double.
// LibTorch sums channels-last images sequentially in float32: for 2048 x 2048
// pixels the relative error of the variance is 3e-3.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

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
