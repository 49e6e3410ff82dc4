// A convolution or transposed convolution and its gradients, with LibTorch's
// functions and without autograd. Any element type and memory format.
#pragma once

#include <ATen/ATen.h>

#include "model/plan.hpp"

namespace vae::engine::blocks {

/// Padding is 1. `output_padding` restores the odd row or column that the
/// encoder's halving dropped.
struct ConvShape {
  bool transposed = false;
  std::int64_t stride = 1;
  std::array<std::int64_t, 2> output_padding{0, 0};
};

ConvShape conv_shape(const model::Layer& layer);

/// x [B, C, H, W] -> [B, O, H', W']; weight as in PyTorch, [O, C, KH, KW] or,
/// transposed, [C, O, KH, KW]; bias [O] or undefined.
at::Tensor conv_forward(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const ConvShape& shape);

struct ConvGradient {
  at::Tensor input, weight, bias;  // undefined if not requested
};
/// dy [B, O, H', W'], x [B, C, H, W] -> gradients shaped like x, weight, bias.
ConvGradient conv_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const ConvShape& shape,
                           bool want_input, bool want_bias);

}  // namespace vae::engine::blocks
