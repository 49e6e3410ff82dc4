// The blocks engine's flat buffers: their layout, LibTorch tensors as views of
// them, and parameters converted to the element type of GEMMs and convolutions.
// Owns no values.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/state.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

/// Channels come last, so that LibTorch's fast memory format (channels_last)
/// needs no copies. The two heads are adjacent, so that one GEMM computes both.
Layout make_layout(const model::Plan& plan);

class Parameters {
 public:
  /// `product`: element type of GEMMs and convolutions. `widened`: their inputs
  /// are rounded to that type but multiplied as float32.
  Parameters(const model::Plan& plan, const Layout& layout,
             at::TensorOptions options, at::ScalarType product, bool widened)
      : plan_(plan),
        layout_(layout),
        options_(options.dtype(at::kFloat)),
        product_(product),
        widened_(widened) {}

  /// `copy`: the parameters as bfloat16 in the same layout, which the commit
  /// updates; null: they are converted at each use.
  void attach(const State& state, std::uint16_t* copy);

  at::ScalarType product_type() const { return product_; }
  const at::TensorOptions& options() const { return options_; }

  const at::Tensor& value(int index) const { return at(values_, index); }
  const at::Tensor& gradient(int index) const { return at(gradients_, index); }
  const at::Tensor& running(int index) const { return at(running_, index); }
  /// Statistic of this batch times its number of images, in State::reduced.
  const at::Tensor& batch_running(int index) const {
    return at(batch_running_, index);
  }
  /// `x` in the element type of GEMM inputs; `x` itself if it has that type.
  at::Tensor gemm_input(const at::Tensor& x) const;
  /// A parameter in the element type of GEMM inputs.
  at::Tensor gemm_input(int index) const;

  /// Weight of both heads, [2 * latent, F], as GEMM input.
  at::Tensor heads_gemm_input() const;
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
