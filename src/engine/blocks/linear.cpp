// See linear.hpp.
#include "engine/blocks/linear.hpp"

namespace vae::engine::blocks {

// y [B, out] = x [B, in] x weight^T [in, out] + bias [out]
at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias) {
  return bias.defined() ? at::addmm(bias, x, weight.t())
                        : at::mm(x, weight.t());
}

// dx [B, in] = dy [B, out] x weight; dweight [out, in] = dy^T x x [B, in]
LinearGradient linear_backward(const at::Tensor& dy, const at::Tensor& x,
                               const at::Tensor& weight, bool want_input,
                               bool want_bias) {
  return {want_input ? at::mm(dy, weight) : at::Tensor(), at::mm(dy.t(), x),
          want_bias ? dy.sum(0) : at::Tensor()};
}

}  // namespace vae::engine::blocks
