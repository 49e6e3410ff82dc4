// The network of a plan as a sequence of products, each with its layer's other
// operations around it: forward keeps what backward needs, backward writes into
// the flat gradient buffer. It holds no parameters of its own.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/blocks/layer_ops.hpp"
#include "engine/blocks/parameters.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

class Network {
 public:
  Network(const model::Plan& plan, const Parameters& parameters, LayerOps& ops);

  /// Input as a tensor over a float32 [count, H, W, C] buffer.
  at::Tensor input_view(float* rows, std::int64_t count) const;

  /// What goes into the heads, [B, features].
  at::Tensor features(const at::Tensor& input, Mode mode);
  /// Heads [B, 2 * latent], means then log-variances, float32.
  at::Tensor heads(const at::Tensor& features) const;
  /// The same without bias, in the type of products.
  at::Tensor heads_product(const at::Tensor& features) const;
  at::Tensor encode(const at::Tensor& input, Mode mode) {
    return heads(features(input, mode));
  }

  /// z [B, latent] to the decoder's output, float32 over [B, H, W, C].
  at::Tensor decode(const at::Tensor& z, Mode mode);
  /// The same up to the last product, without its bias, in its own type and
  /// [B, H * W * C]. For training with ops that leave the bias out.
  at::Tensor decode_product(const at::Tensor& z, Mode mode);

  /// `doutput` lies like the decoder's output; returns dz [B, latent] in the
  /// type of products.
  at::Tensor backward_decoder(const at::Tensor& doutput, bool accumulate);
  /// `dheads` [B, 2 * latent] in the type of products; their bias's gradient is
  /// written if products add biases. Writes the batch's statistics as well.
  void backward_encoder(const at::Tensor& dheads, bool accumulate);

 private:
  at::Tensor product(const model::Layer& layer, const at::Tensor& x, Mode mode,
                     Tape* tape) const;
  at::Tensor forward(const model::Layer& layer, const at::Tensor& x, Mode mode,
                     Tape* tape);
  /// All of the decoder but its last layer.
  at::Tensor decode_hidden(const at::Tensor& z, Mode mode);
  at::Tensor backward(const model::Layer& layer, const Tape& tape,
                      const at::Tensor& dy, bool want_input, bool accumulate);

  const model::Plan& plan_;
  const Parameters& parameters_;
  LayerOps& ops_;
  std::vector<Tape> encoder_tape_, decoder_tape_;
  Tape expand_tape_;
  at::Tensor features_;  // [B, features], input of the heads
};

}  // namespace vae::engine::blocks
