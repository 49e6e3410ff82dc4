// ReLU and LeakyReLU, in place; the backward needs the output alone.
#pragma once

#include <ATen/ATen.h>

#include "model/plan.hpp"

namespace vae::engine::blocks {

at::Tensor activate(at::Tensor x, model::Activation kind);

/// `y` is what activate() returned.
at::Tensor activation_backward(const at::Tensor& dy, const at::Tensor& y,
                               model::Activation kind);

}  // namespace vae::engine::blocks
