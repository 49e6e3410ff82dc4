// TorchLayerOps (layer_ops.hpp).
#include "engine/blocks/layer_ops.hpp"
#include "engine/blocks/layers.hpp"

namespace vae::engine::blocks {

// x [B, C, H, W] -> [B, C, H, W]
at::Tensor TorchLayerOps::normalise(const model::Layer& layer,
                                    const at::Tensor& x, bool training,
                                    Tape* tape) const {
  const at::Tensor& weight = parameters_.value(layer.norm_weight);
  const at::Tensor& bias = parameters_.value(layer.norm_bias);
  if (training) {
    tape->norm = norm_forward(x, weight, bias);
    return tape->norm.out;
  }
  // The stored mean includes the convolution's bias; x does not.
  const at::Tensor mean =
      parameters_.running(layer.running_mean) - parameters_.value(layer.bias);
  return norm_running(x, weight, bias, mean,
                      parameters_.running(layer.running_var));
}

// product -> output of the same shape
at::Tensor TorchLayerOps::forward(const model::Layer& layer, at::Tensor product,
                                  Mode mode, Tape* tape) {
  const bool training = mode != Mode::inference;
  if (training) tape->product = product;
  at::Tensor y = std::move(product);
  if (layer.normalised()) y = normalise(layer, y, training, tape);
  y = activate(y, layer.activation);
  if (training) tape->out = y;
  return y;
}

// State::reduced holds sums over images, so that batches and processes add up;
// the commit divides. The running mean includes the bias, which the product
// left out.
void TorchLayerOps::write_statistics(const model::Layer& layer,
                                     const NormResult& norm,
                                     std::int64_t images, bool accumulate) {
  const auto count = static_cast<double>(images);
  write(parameters_.batch_running(layer.running_mean),
        (norm.mean + parameters_.value(layer.bias)) * count, accumulate);
  write(parameters_.batch_running(layer.running_var), norm.unbiased_var * count,
        accumulate);
}

// dy -> dproduct of the same shape
at::Tensor TorchLayerOps::backward(const model::Layer& layer, const Tape& tape,
                                   at::Tensor dy, bool accumulate) {
  const at::Tensor d = activation_backward(dy, tape.out, layer.activation);
  if (!layer.normalised()) return d;
  const NormGradient g = norm_backward(
      d, tape.product, parameters_.value(layer.norm_weight), tape.norm);
  write(parameters_.gradient(layer.norm_weight), g.weight, accumulate);
  write(parameters_.gradient(layer.norm_bias), g.bias, accumulate);
  write_statistics(layer, tape.norm, d.size(0), accumulate);
  return g.input;
}

void TorchLayerOps::write(const at::Tensor& to, const at::Tensor& gradient,
                          bool accumulate) {
  accumulate ? to.add_(gradient) : to.copy_(gradient);
}

}  // namespace vae::engine::blocks
