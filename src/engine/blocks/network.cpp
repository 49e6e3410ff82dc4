// See network.hpp.
#include "engine/blocks/network.hpp"

#include "engine/blocks/layers.hpp"
#include "engine/blocks/shapes.hpp"

namespace vae::engine::blocks {

Network::Network(const model::Plan& plan, const Parameters& parameters,
                 LayerOps& ops)
    : plan_(plan),
      parameters_(parameters),
      ops_(ops),
      encoder_tape_(plan.encoder.size()),
      decoder_tape_(plan.decoder.size()) {}

// rows [count, H, W, C] -> the same memory as [count, C, H, W] or [count,
// pixels]
at::Tensor Network::input_view(float* rows, std::int64_t count) const {
  const at::Tensor flat =
      at::from_blob(rows, {count, plan_.image.size()}, parameters_.options());
  return plan_.encoder.empty() || is_linear(plan_.encoder.front())
             ? flat
             : as_image(flat, plan_.image);
}

// x -> the layer's GEMM or convolution, [B, C, H, W] or [B, features]
at::Tensor Network::product(const model::Layer& layer, const at::Tensor& x,
                            Mode mode, Tape* tape) const {
  const at::Tensor in = parameters_.gemm_input(x);
  if (mode != Mode::inference) tape->in = in;
  const at::Tensor weight = parameters_.gemm_input(layer.weight);
  // BatchNorm cancels a bias, so it is not added.
  const at::Tensor bias = ops_.product_adds_bias() && !layer.normalised()
                              ? parameters_.gemm_input(layer.bias)
                              : at::Tensor();
  return is_linear(layer) ? linear_forward(in, weight, bias)
                          : conv_forward(in, weight, bias, conv_shape(layer));
}

// x -> the layer's output: product, then bias or BatchNorm, then activation
at::Tensor Network::forward(const model::Layer& layer, const at::Tensor& x,
                            Mode mode, Tape* tape) {
  return ops_.forward(layer, product(layer, x, mode, tape), mode, tape);
}

// input [B, C, H, W] or [B, pixels] -> [B, F]
at::Tensor Network::features(const at::Tensor& input, Mode mode) {
  if (mode != Mode::inference) ops_.begin();
  at::Tensor x = input;
  for (std::size_t i = 0; i < plan_.encoder.size(); ++i)
    x = forward(plan_.encoder[i], x, mode, &encoder_tape_[i]);
  if (x.dim() == 4) x = as_rows(x);
  x = parameters_.gemm_input(x);
  if (mode != Mode::inference) features_ = x;
  return x;
}

// features [B, F] -> float32 [B, 2 * latent]
at::Tensor Network::heads(const at::Tensor& features) const {
  return linear_forward(features, parameters_.heads_gemm_input(),
                        parameters_.gemm_input(parameters_.heads_bias()))
      .to(at::kFloat)
      .contiguous();
}

// features [B, F] -> [B, 2 * latent]; the bias is added where the code is drawn
at::Tensor Network::heads_product(const at::Tensor& features) const {
  return linear_forward(features, parameters_.heads_gemm_input(), {});
}

// z [B, latent] -> input of the last layer
at::Tensor Network::decode_hidden(const at::Tensor& z, Mode mode) {
  at::Tensor x = forward(plan_.expand, z, mode, &expand_tape_);
  if (!is_linear(plan_.decoder.front())) x = as_image(x, plan_.features);
  for (std::size_t i = 0; i + 1 < plan_.decoder.size(); ++i)
    x = forward(plan_.decoder[i], x, mode, &decoder_tape_[i]);
  return x;
}

// z [B, latent] -> float32 [B, H * W * C]
at::Tensor Network::decode(const at::Tensor& z, Mode mode) {
  at::Tensor x = forward(plan_.decoder.back(), decode_hidden(z, mode), mode,
                         &decoder_tape_.back());
  if (x.dim() == 4) x = as_rows(x);
  return x.to(at::kFloat).contiguous();
}

// z [B, latent] -> [B, H * W * C]; the loss adds the last bias
at::Tensor Network::decode_product(const at::Tensor& z, Mode mode) {
  const at::Tensor x = product(plan_.decoder.back(), decode_hidden(z, mode),
                               mode, &decoder_tape_.back());
  return (x.dim() == 4 ? as_rows(x) : x).contiguous();
}

// dy of a layer's output -> dx of its input, undefined unless `want_input`
at::Tensor Network::backward(const model::Layer& layer, const Tape& tape,
                             const at::Tensor& dy, bool want_input,
                             bool accumulate) {
  const at::Tensor d =
      parameters_.gemm_input(ops_.backward(layer, tape, dy, accumulate));
  const at::Tensor weight = parameters_.gemm_input(layer.weight);
  const at::Tensor& dweight = parameters_.gradient(layer.weight);
  // The gradient of a bias before BatchNorm is zero and never written.
  const bool biased = ops_.product_adds_bias() && !layer.normalised();
  if (is_linear(layer)) {
    const LinearGradient g =
        linear_backward(d, tape.in, weight, want_input, biased);
    ops_.write(dweight, g.weight, accumulate);
    if (biased)
      ops_.write(parameters_.gradient(layer.bias), g.bias, accumulate);
    return g.input;
  }
  const ConvGradient g =
      conv_backward(d, tape.in, weight, conv_shape(layer), want_input, biased);
  ops_.write(dweight, g.weight, accumulate);
  if (biased) ops_.write(parameters_.gradient(layer.bias), g.bias, accumulate);
  return g.input;
}

// doutput [B, H * W * C] -> dz [B, latent]
at::Tensor Network::backward_decoder(const at::Tensor& doutput,
                                     bool accumulate) {
  at::Tensor d = parameters_.gemm_input(doutput);
  const bool image = !is_linear(plan_.decoder.front());
  if (image) d = as_image(d, plan_.image);
  for (std::size_t i = plan_.decoder.size(); i-- > 0;) {
    d = backward(plan_.decoder[i], decoder_tape_[i], d, true, accumulate);
    decoder_tape_[i] = {};  // frees its activations
  }
  if (image) d = as_rows(d);
  d = backward(plan_.expand, expand_tape_, d, true, accumulate);
  expand_tape_ = {};
  return d;
}

// dheads [B, 2 * latent] -> gradients of heads and encoder
void Network::backward_encoder(const at::Tensor& dheads, bool accumulate) {
  const bool biased = ops_.product_adds_bias();
  const LinearGradient g = linear_backward(
      dheads, features_, parameters_.heads_gemm_input(), true, biased);
  features_.reset();
  ops_.write(parameters_.heads_weight_gradient(), g.weight, accumulate);
  if (biased) ops_.write(parameters_.heads_bias_gradient(), g.bias, accumulate);
  at::Tensor d = g.input;
  if (!is_linear(plan_.encoder.back())) d = as_image(d, plan_.features);
  for (std::size_t i = plan_.encoder.size(); i-- > 0;) {
    d = backward(plan_.encoder[i], encoder_tape_[i], d, i > 0, accumulate);
    encoder_tape_[i] = {};
  }
  ops_.finish(accumulate);
}

}  // namespace vae::engine::blocks
