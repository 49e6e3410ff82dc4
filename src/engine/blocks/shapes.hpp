// Conversions between images and rows. In memory an image is always [H, W, C];
// LibTorch sees it as [C, H, W]. Strides are explicit, because those of a
// one-channel image are ambiguous and LibTorch would choose others.
#pragma once

#include <ATen/ATen.h>

#include "engine/fusion.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

/// [B, H * W * C] -> [B, C, H, W], a view.
inline at::Tensor as_image(const at::Tensor& rows, const model::Extent& e) {
  return rows.as_strided({rows.size(0), e.c, e.h, e.w},
                         {e.size(), 1, e.w * e.c, e.c});
}

/// [B, C, H, W] -> [B, H * W * C]; copies unless it is channels-last in memory.
inline at::Tensor as_rows(const at::Tensor& image) {
  return image.permute({0, 2, 3, 1}).reshape({image.size(0), -1});
}

inline float* data(const at::Tensor& tensor) {
  return tensor.data_ptr<float>();
}

inline Number number_of(at::ScalarType type) {
  return type == at::kBFloat16 ? Number::bfloat16 : Number::float32;
}

using model::kPadding;

/// Accumulator type for elements of x.
inline at::ScalarType sum_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// A dense tensor as rows of `channels` numbers, for fused operations.
inline Matrix matrix_of(const at::Tensor& rows, std::int64_t channels) {
  return {rows.data_ptr(), number_of(rows.scalar_type()),
          rows.numel() / channels, channels};
}

inline bool is_linear(const model::Layer& layer) {
  return layer.kind == model::LayerKind::linear;
}

/// Number of bias or BatchNorm elements: channels, or outputs if linear.
inline std::int64_t channels_of(const model::Layer& layer) {
  return is_linear(layer) ? layer.out.size() : layer.out.c;
}

}  // namespace vae::engine::blocks
