// The tensors of a State as LibTorch sees them: views in the order of the
// layout, and parameters in the element type of products. Holds no values of
// its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/state.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

class Parameters {
 public:
  /// `product`: element type of convolutions and matrix products. `widened`: a
  /// number is rounded to it, but multiplied as float32.
  Parameters(const model::Plan& plan, const Layout& layout,
             at::TensorOptions options, at::ScalarType product, bool widened)
      : plan_(plan),
        layout_(layout),
        options_(options.dtype(at::kFloat)),
        product_(product),
        widened_(widened) {}

  /// `copy`: the parameters as bfloat16 in the same order, kept up to date by
  /// whoever commits; null: they are converted at each use.
  void attach(const State& state, std::uint16_t* copy);

  at::ScalarType product_type() const { return product_; }
  const at::TensorOptions& options() const { return options_; }

  const at::Tensor& value(int index) const { return at(values_, index); }
  const at::Tensor& gradient(int index) const { return at(gradients_, index); }
  const at::Tensor& running(int index) const { return at(running_, index); }
  /// Of this batch, times its images: in State::reduced.
  const at::Tensor& batch_running(int index) const {
    return at(batch_running_, index);
  }
  /// A tensor as a factor of products; itself if it is one already.
  at::Tensor factor(const at::Tensor& x) const;
  /// The parameter as an operand of a product.
  at::Tensor operand(int index) const;

  /// Both heads as one layer [2 * latent, features].
  at::Tensor heads_operand() const;
  const at::Tensor& heads_bias() const { return heads_bias_; }
  const at::Tensor& heads_weight_gradient() const { return heads_gradient_; }
  const at::Tensor& heads_bias_gradient() const { return heads_bias_gradient_; }

 private:
  static const at::Tensor& at(const std::vector<at::Tensor>& list, int index) {
    return list[static_cast<std::size_t>(index)];
  }
  std::vector<at::Tensor> views(void* base, at::ScalarType type) const;
  at::Tensor heads_view(void* base, int first, at::IntArrayRef shape,
                        at::ScalarType type) const;

  const model::Plan& plan_;
  const Layout& layout_;
  at::TensorOptions options_;
  at::ScalarType product_;
  bool widened_;
  std::vector<at::Tensor> values_, gradients_, copies_;
  std::vector<at::Tensor> running_, batch_running_;
  at::Tensor heads_weight_, heads_copy_, heads_bias_;
  at::Tensor heads_gradient_, heads_bias_gradient_;
};

}  // namespace vae::engine::blocks
