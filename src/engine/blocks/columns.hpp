// The derivatives of a convolution as matrix products over columns: for each
// place of the kernel, the numbers of the image under it (im2col of Chellapilla
// et al., "High Performance Convolutional Neural Networks for Document
// Processing", 2006). On the CPU, padding 1, kernels as wide as they like.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

/// The most that columns take at once; of more images, some after the others.
/// They are used at once, so they should stay in the cache.
inline constexpr std::int64_t kColumnBytes = std::int64_t{8} << 20;

/// By the input [B, C, h, w], from dy [B, O, H, W] and weight [O, C, KH, KW].
/// Sums are formed in float32 at least. In memory [B, h, w, C].
at::Tensor input_by_columns(const at::Tensor& dy, const at::Tensor& weight,
                            std::int64_t stride, std::int64_t height,
                            std::int64_t width,
                            std::int64_t column_bytes = kColumnBytes);

/// By the weight [O, C, KH, KW], from dy [B, O, H, W] and x [B, C, h, w]; float
/// or double. In memory [O, KH, KW, C].
at::Tensor weight_by_columns(const at::Tensor& dy, const at::Tensor& x,
                             std::int64_t kernel_height,
                             std::int64_t kernel_width, std::int64_t stride,
                             std::int64_t column_bytes = kColumnBytes);

}  // namespace vae::engine::blocks
