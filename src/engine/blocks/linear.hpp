// A fully connected layer, x [B, in] to [B, out], and its gradients.
#pragma once

#include <ATen/ATen.h>

namespace vae::engine::blocks {

/// weight [out, in], bias [out] or undefined.
at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias);

struct LinearGradient {
  at::Tensor input, weight, bias;  // undefined where not wanted
};
LinearGradient linear_backward(const at::Tensor& dy, const at::Tensor& x,
                               const at::Tensor& weight, bool want_input,
                               bool want_bias);

}  // namespace vae::engine::blocks
