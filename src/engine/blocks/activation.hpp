// ReLU and LeakyReLU, in place; the backward pass needs only the output.
#pragma once

#include <ATen/ATen.h>

#include "model/plan.hpp"

namespace vae::engine::blocks {

at::Tensor activate(at::Tensor x, model::Activation kind);

/// dy, y -> dx of any one shape; `y` is the result of activate().
at::Tensor activation_backward(const at::Tensor& dy, const at::Tensor& y,
                               model::Activation kind);

}  // namespace vae::engine::blocks
