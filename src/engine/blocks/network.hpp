// The network of a plan: for each layer a GEMM or convolution (its "product")
// and the layer's other operations (LayerOps). The backward pass writes to the
// flat gradient buffer. It owns no parameters.
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

  /// A view of a float32 buffer [count, H, W, C] as [count, C, H, W], or
  /// [count, H * W * C] for a dense network.
  at::Tensor input_view(float* rows, std::int64_t count) const;

  /// Input images -> features [B, F], the input of the heads.
  at::Tensor features(const at::Tensor& input, Mode mode);
  /// features [B, F] -> [B, 2 * latent], means then log-variances, float32.
  at::Tensor heads(const at::Tensor& features) const;
  /// The same without bias, in the products' element type.
  at::Tensor heads_product(const at::Tensor& features) const;
  at::Tensor encode(const at::Tensor& input, Mode mode) {
    return heads(features(input, mode));
  }

  /// z [B, latent] -> the decoder's output, float32 [B, H * W * C].
  at::Tensor decode(const at::Tensor& z, Mode mode);
  /// The same without the last bias, in the products' element type. For
  /// LayerOps whose products add no bias.
  at::Tensor decode_product(const at::Tensor& z, Mode mode);

  /// doutput [B, H * W * C] -> dz [B, latent] in the products' element type.
  at::Tensor backward_decoder(const at::Tensor& doutput, bool accumulate);
  /// dheads [B, 2 * latent] in the products' element type. Writes the gradient
  /// of the heads' bias if products add biases, and the batch's statistics.
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
  at::Tensor features_;  // [B, F], input of the heads
};

}  // namespace vae::engine::blocks
