// What the layers of a network compute, and their gradients, with LibTorch's
// functions and without autograd: convolution or transposed convolution, fully
// connected layer, activation. BatchNorm has a file of its own. Any element
// type and memory format.
#pragma once

#include <ATen/ATen.h>

#include <array>

#include "model/plan.hpp"

namespace vae::engine::blocks {

/// Whether LibTorch uses its AVX-512 kernels, including those for bfloat16.
inline bool has_avx512() { return __builtin_cpu_supports("avx512bw"); }

// Convolution.

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

// Fully connected layer.

/// x [B, in], weight [out, in], bias [out] or undefined -> [B, out].
at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias);

struct LinearGradient {
  at::Tensor input, weight, bias;  // undefined if not requested
};
/// dy [B, out], x [B, in] -> gradients shaped like x, weight, bias.
LinearGradient linear_backward(const at::Tensor& dy, const at::Tensor& x,
                               const at::Tensor& weight, bool want_input,
                               bool want_bias);

// ReLU and LeakyReLU. The backward pass needs only the output.

/// x -> y of the same shape, in place.
at::Tensor activate(at::Tensor x, model::Activation kind);

/// dy, y -> dx of any one shape; `y` is the result of activate().
at::Tensor activation_backward(const at::Tensor& dy, const at::Tensor& y,
                               model::Activation kind);

}  // namespace vae::engine::blocks
