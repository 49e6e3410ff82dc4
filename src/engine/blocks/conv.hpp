// A convolution or transposed convolution and its gradients, over LibTorch's
// own, without autograd. Any element type and memory format.
#pragma once

#include <ATen/ATen.h>

#include "model/plan.hpp"

namespace vae::engine::blocks {

/// Padding is 1 everywhere; `output_padding` makes up the odd row or column
/// that halving dropped.
struct ConvShape {
  bool transposed = false;
  std::int64_t stride = 1;
  std::array<std::int64_t, 2> output_padding{0, 0};
};

ConvShape conv_shape(const model::Layer& layer);

/// x [B, C, H, W], weight as in PyTorch; `bias` may be undefined.
at::Tensor conv_forward(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const ConvShape& shape);

struct ConvGradient {
  at::Tensor input, weight, bias;  // undefined where not wanted
};
ConvGradient conv_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const ConvShape& shape,
                           bool want_input, bool want_bias);

}  // namespace vae::engine::blocks
