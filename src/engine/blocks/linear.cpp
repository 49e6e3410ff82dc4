// See linear.hpp.
#include "engine/blocks/linear.hpp"

namespace vae::engine::blocks {

at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias) {
  return at::addmm(bias, x, weight.t());
}

LinearGradient linear_backward(const at::Tensor& dy, const at::Tensor& x,
                               const at::Tensor& weight, bool want_input) {
  return {want_input ? at::mm(dy, weight) : at::Tensor(), at::mm(dy.t(), x),
          dy.sum(0)};
}

}  // namespace vae::engine::blocks
