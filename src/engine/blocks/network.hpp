// The network of a plan as a sequence of blocks: forward keeps what backward
// needs, backward writes into the flat gradient buffer. It holds views into the
// State, no values of its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/blocks/batch_norm.hpp"
#include "engine/state.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

class Network {
 public:
  /// `product`: element type of convolutions and matrix products; parameters,
  /// statistics and losses stay float32.
  Network(const model::Plan& plan, const Layout& layout,
          at::TensorOptions options, at::ScalarType product);

  void attach(const State& state);

  /// Input as a tensor over a float32 [count, H, W, C] buffer.
  at::Tensor input_view(float* rows, std::int64_t count) const;

  /// To heads [B, 2 * latent], means then log-variances. In training it keeps
  /// what the backward needs and uses the batch's statistics.
  at::Tensor encode(const at::Tensor& input, bool training);
  /// z [B, latent] to the decoder's output, float32 over [B, H, W, C].
  at::Tensor decode(const at::Tensor& z, bool training);

  /// Sums over images into the gradient buffer (or added to it). `doutput`
  /// lies like the decoder's output; returns dz [B, latent].
  at::Tensor backward_decoder(const at::Tensor& doutput, bool accumulate);
  /// `dheads` [B, 2 * latent]. Writes the batch's running statistics as well.
  void backward_encoder(const at::Tensor& dheads, bool accumulate);

 private:
  struct Views {
    std::vector<at::Tensor> params;  // as blocks use them
    at::Tensor heads_weight, heads_bias;
  };
  struct Tape {  // of one layer
    at::Tensor in, product, out;
    NormForward norm;
  };
  Views make_views(float* base) const;
  at::Tensor param(int index) const;
  /// Heads' or layers' weight and bias in the type of products.
  at::Tensor cast(const at::Tensor& tensor) const;

  at::Tensor forward(const model::Layer& layer, const at::Tensor& x,
                     bool training, Tape* tape);
  at::Tensor normalise(const model::Layer& layer, const at::Tensor& x,
                       bool training, Tape* tape);
  at::Tensor backward(const model::Layer& layer, const Tape& tape,
                      const at::Tensor& dy, bool want_input, bool accumulate);
  at::Tensor backward_norm(const model::Layer& layer, const Tape& tape,
                           const at::Tensor& dy, bool accumulate);
  void write_statistics(const model::Layer& layer, const NormForward& norm,
                        std::int64_t images, bool accumulate);
  void write_gradient(int param, const at::Tensor& gradient, bool accumulate);

  const model::Plan& plan_;
  const Layout& layout_;
  at::TensorOptions options_;
  at::ScalarType product_;
  Views values_, gradients_;
  std::vector<at::Tensor> running_, batch_running_;
  std::vector<Tape> encoder_tape_, decoder_tape_;
  Tape expand_tape_;
  at::Tensor features_;  // [B, features], input of the heads
};

}  // namespace vae::engine::blocks
