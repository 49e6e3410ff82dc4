// A fully connected layer, x [B, in] to [B, out], and its gradients.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

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

}  // namespace vae::engine::blocks
