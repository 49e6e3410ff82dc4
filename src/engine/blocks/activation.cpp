// See activation.hpp.
#include "engine/blocks/activation.hpp"

namespace vae::engine::blocks {

// x -> y of the same shape, in place
at::Tensor activate(at::Tensor x, model::Activation kind) {
  switch (kind) {
    case model::Activation::none:
      break;
    case model::Activation::relu:
      at::relu_(x);
      break;
    case model::Activation::leaky_relu:
      at::leaky_relu_(x, model::kLeakySlope);
      break;
  }
  return x;
}

at::Tensor activation_backward(const at::Tensor& dy, const at::Tensor& y,
                               model::Activation kind) {
  switch (kind) {
    case model::Activation::none:
      break;
    case model::Activation::relu:
      return at::threshold_backward(dy, y, 0);
    case model::Activation::leaky_relu:
      // The slope is positive, so the output has the input's sign.
      return at::leaky_relu_backward(dy, y, model::kLeakySlope, true);
  }
  return dy;
}

}  // namespace vae::engine::blocks
