// The derivatives of a convolution by im2col and GEMM (Chellapilla et al.,
// "High Performance Convolutional Neural Networks for Document Processing",
// 2006). A row of the column matrix holds the image under one position of the
// kernel. On the CPU, padding 1, any kernel size.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

/// Largest column matrix; more images are processed in several parts. It is
/// read right after it is written, so it should fit into the cache.
inline constexpr std::int64_t kColumnBytes = std::int64_t{8} << 20;

/// dy [B, O, H, W], weight [O, C, KH, KW] -> dx [B, C, h, w], in memory
/// [B, h, w, C]. Accumulates in float32 or double.
at::Tensor input_by_columns(const at::Tensor& dy, const at::Tensor& weight,
                            std::int64_t stride, std::int64_t height,
                            std::int64_t width,
                            std::int64_t column_bytes = kColumnBytes);

/// dy [B, O, H, W], x [B, C, h, w] -> dweight [O, C, KH, KW], in memory
/// [O, KH, KW, C]; float or double.
at::Tensor weight_by_columns(const at::Tensor& dy, const at::Tensor& x,
                             std::int64_t kernel_height,
                             std::int64_t kernel_width, std::int64_t stride,
                             std::int64_t column_bytes = kColumnBytes);

}  // namespace vae::engine::blocks
