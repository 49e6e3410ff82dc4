// Sums over the pixels of large images for BatchNorm on the CPU, in double.
// LibTorch adds up the pixels of images with neighbouring channels in float32,
// one after the other: of 2048 x 2048 the variance is then off by 3e-3.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

/// Whether LibTorch's sums over the pixels of x [B, C, H, W] would be off by
/// more than about 1e-5: x is float32 on the CPU and has many pixels.
bool has_many_pixels(const at::Tensor& x);

/// float64 [C] each.
struct ColumnSums {
  at::Tensor first, second;
};
/// Sums over pixels of x and of its squared distance from the mean.
ColumnSums moments(const at::Tensor& x);
/// Sums over pixels of dy and of dy times (x - mean) * invstd.
ColumnSums norm_sums(const at::Tensor& dy, const at::Tensor& x,
                     const at::Tensor& mean, const at::Tensor& invstd);

}  // namespace vae::engine::blocks
