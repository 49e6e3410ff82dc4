// See network.hpp. Images lie as [B, H, W, C] in memory and are seen by
// LibTorch as [B, C, H, W]; strides are always given, because those of a
// one-channel image would otherwise be guessed, and guessed wrong.
#include "engine/blocks/network.hpp"

#include "engine/blocks/activation.hpp"
#include "engine/blocks/conv.hpp"
#include "engine/blocks/linear.hpp"

namespace vae::engine::blocks {
namespace {

bool is_linear(const model::Layer& layer) {
  return layer.kind == model::LayerKind::linear;
}

/// [B, H * W * C] as [B, C, H, W] without moving anything.
at::Tensor as_image(const at::Tensor& rows, const model::Extent& e) {
  return rows.as_strided({rows.size(0), e.c, e.h, e.w},
                         {e.size(), 1, e.w * e.c, e.c});
}

/// [B, C, H, W] as [B, H * W * C]; copies if it does not lie so already.
at::Tensor as_rows(const at::Tensor& image) {
  return image.permute({0, 2, 3, 1}).reshape({image.size(0), -1});
}

}  // namespace

Network::Network(const model::Plan& plan, const Layout& layout,
                 at::TensorOptions options, at::ScalarType product)
    : plan_(plan),
      layout_(layout),
      options_(options.dtype(at::kFloat)),
      product_(product),
      encoder_tape_(plan.encoder.size()),
      decoder_tape_(plan.decoder.size()) {}

Network::Views Network::make_views(float* base) const {
  Views views;
  for (std::size_t i = 0; i < plan_.params.size(); ++i) {
    const model::Tensor& tensor = plan_.params[i];
    const Segment& segment = layout_.params[i];
    float* data = base + segment.offset;
    if (tensor.shape.size() == 4) {
      std::vector<std::int64_t> strides;
      for (const Dim& dim : segment.dims) strides.push_back(dim.flat);
      views.params.push_back(
          at::from_blob(data, tensor.shape, strides, options_));
    } else {
      views.params.push_back(at::from_blob(data, tensor.shape, options_));
    }
  }
  const auto at_param = [&](int index) {
    return base + layout_.params[static_cast<std::size_t>(index)].offset;
  };
  const std::int64_t rows = 2 * plan_.latent;
  views.heads_weight = at::from_blob(at_param(plan_.mean_head.weight),
                                     {rows, plan_.features.size()}, options_);
  views.heads_bias =
      at::from_blob(at_param(plan_.mean_head.bias), {rows}, options_);
  return views;
}

void Network::attach(const State& state) {
  values_ = make_views(floats(state.param));
  gradients_ = make_views(floats(state.reduced));
  running_.clear();
  batch_running_.clear();
  float* batch = floats(state.reduced) + layout_.param_floats;
  for (std::size_t i = 0; i < plan_.running.size(); ++i) {
    const std::int64_t offset = layout_.running[i].offset;
    const auto& shape = plan_.running[i].shape;
    running_.push_back(
        at::from_blob(floats(state.running) + offset, shape, options_));
    batch_running_.push_back(at::from_blob(batch + offset, shape, options_));
  }
}

at::Tensor Network::param(int index) const {
  return values_.params[static_cast<std::size_t>(index)];
}

at::Tensor Network::cast(const at::Tensor& tensor) const {
  return tensor.to(product_);  // the tensor itself if it has that type
}

at::Tensor Network::input_view(float* rows, std::int64_t count) const {
  const at::Tensor flat =
      at::from_blob(rows, {count, plan_.image.size()}, options_);
  return plan_.encoder.empty() || is_linear(plan_.encoder.front())
             ? flat
             : as_image(flat, plan_.image);
}

at::Tensor Network::normalise(const model::Layer& layer, const at::Tensor& x,
                              bool training, Tape* tape) {
  const at::Tensor weight = param(layer.norm_weight);
  const at::Tensor bias = param(layer.norm_bias);
  if (training) {
    tape->norm = norm_forward(x, weight, bias);
    return tape->norm.out;
  }
  // The convolution's bias is part of the stored mean but not of x.
  const at::Tensor mean =
      running_[static_cast<std::size_t>(layer.running_mean)] -
      param(layer.bias);
  return norm_running(x, weight, bias, mean,
                      running_[static_cast<std::size_t>(layer.running_var)]);
}

at::Tensor Network::forward(const model::Layer& layer, const at::Tensor& x,
                            bool training, Tape* tape) {
  const at::Tensor in = cast(x);
  at::Tensor y;
  if (is_linear(layer)) {
    y = linear_forward(in, cast(param(layer.weight)), cast(param(layer.bias)));
  } else {
    // Before BatchNorm a bias cancels, so it is not computed.
    const at::Tensor bias =
        layer.normalised() ? at::Tensor() : cast(param(layer.bias));
    y = conv_forward(in, cast(param(layer.weight)), bias, conv_shape(layer));
  }
  if (training) {
    tape->in = in;
    tape->product = y;
  }
  if (layer.normalised()) y = normalise(layer, y, training, tape);
  y = activate(y, layer.activation);
  if (training) tape->out = y;
  return y;
}

at::Tensor Network::encode(const at::Tensor& input, bool training) {
  at::Tensor x = input;
  for (std::size_t i = 0; i < plan_.encoder.size(); ++i)
    x = forward(plan_.encoder[i], x, training, &encoder_tape_[i]);
  if (x.dim() == 4) x = as_rows(x);
  if (training) features_ = x;
  return linear_forward(x, cast(values_.heads_weight), cast(values_.heads_bias))
      .to(at::kFloat)
      .contiguous();
}

at::Tensor Network::decode(const at::Tensor& z, bool training) {
  at::Tensor x = forward(plan_.expand, z, training, &expand_tape_);
  const bool image = !is_linear(plan_.decoder.front());
  if (image) x = as_image(x, plan_.features);
  for (std::size_t i = 0; i < plan_.decoder.size(); ++i)
    x = forward(plan_.decoder[i], x, training, &decoder_tape_[i]);
  if (image) x = as_rows(x);
  return x.to(at::kFloat).contiguous();
}

void Network::write_gradient(int index, const at::Tensor& gradient,
                             bool accumulate) {
  const at::Tensor& to = gradients_.params[static_cast<std::size_t>(index)];
  accumulate ? to.add_(gradient) : to.copy_(gradient);
}

void Network::write_statistics(const model::Layer& layer,
                               const NormForward& norm, std::int64_t images,
                               bool accumulate) {
  const auto write = [&](int index, const at::Tensor& value) {
    const at::Tensor& to = batch_running_[static_cast<std::size_t>(index)];
    const at::Tensor sum = value * static_cast<double>(images);
    accumulate ? to.add_(sum) : to.copy_(sum);
  };
  write(layer.running_mean, norm.mean + param(layer.bias));
  write(layer.running_var, norm.unbiased_var);
}

at::Tensor Network::backward_norm(const model::Layer& layer, const Tape& tape,
                                  const at::Tensor& dy, bool accumulate) {
  const NormGradient g =
      norm_backward(dy, tape.product, param(layer.norm_weight), tape.norm);
  write_gradient(layer.norm_weight, g.weight, accumulate);
  write_gradient(layer.norm_bias, g.bias, accumulate);
  write_statistics(layer, tape.norm, dy.size(0), accumulate);
  return g.input;
}

at::Tensor Network::backward(const model::Layer& layer, const Tape& tape,
                             const at::Tensor& dy, bool want_input,
                             bool accumulate) {
  at::Tensor d = activation_backward(dy, tape.out, layer.activation);
  if (layer.normalised()) d = backward_norm(layer, tape, d, accumulate);
  const at::Tensor weight = cast(param(layer.weight));
  if (is_linear(layer)) {
    const LinearGradient g = linear_backward(d, tape.in, weight, want_input);
    write_gradient(layer.weight, g.weight, accumulate);
    write_gradient(layer.bias, g.bias, accumulate);
    return g.input;
  }
  const bool biased = !layer.normalised();
  const ConvGradient g =
      conv_backward(d, tape.in, weight, conv_shape(layer), want_input, biased);
  write_gradient(layer.weight, g.weight, accumulate);
  // Exactly zero before BatchNorm; the commit visits it for weight decay.
  if (biased) write_gradient(layer.bias, g.bias, accumulate);
  return g.input;
}

at::Tensor Network::backward_decoder(const at::Tensor& doutput,
                                     bool accumulate) {
  at::Tensor d = cast(doutput);
  const bool image = !is_linear(plan_.decoder.front());
  if (image) d = as_image(d, plan_.image);
  for (std::size_t i = plan_.decoder.size(); i-- > 0;) {
    d = backward(plan_.decoder[i], decoder_tape_[i], d, true, accumulate);
    decoder_tape_[i] = {};
  }
  if (image) d = as_rows(d);
  d = backward(plan_.expand, expand_tape_, d, true, accumulate);
  expand_tape_ = {};
  return d.to(at::kFloat).contiguous();
}

void Network::backward_encoder(const at::Tensor& dheads, bool accumulate) {
  const LinearGradient g = linear_backward(cast(dheads), features_,
                                           cast(values_.heads_weight), true);
  features_.reset();
  if (accumulate) {
    gradients_.heads_weight.add_(g.weight);
    gradients_.heads_bias.add_(g.bias);
  } else {
    gradients_.heads_weight.copy_(g.weight);
    gradients_.heads_bias.copy_(g.bias);
  }
  at::Tensor d = g.input;
  if (!is_linear(plan_.encoder.back())) d = as_image(d, plan_.features);
  for (std::size_t i = plan_.encoder.size(); i-- > 0;) {
    d = backward(plan_.encoder[i], encoder_tape_[i], d, i > 0, accumulate);
    encoder_tape_[i] = {};
  }
}

}  // namespace vae::engine::blocks
