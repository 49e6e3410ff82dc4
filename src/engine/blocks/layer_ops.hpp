// The operations of a layer other than its GEMM or convolution (its "product"):
// bias or BatchNorm, and activation, forward and backward. Implemented by
// LibTorch's functions (TorchLayerOps) and by a device's fused operations
// (FusedLayerOps).
#pragma once

#include <ATen/ATen.h>

#include "engine/blocks/batch_norm.hpp"
#include "engine/blocks/parameters.hpp"

namespace vae::engine::blocks {

enum class Mode {
  inference,     // running statistics; no Tape
  training,      // fills the Tape
  accumulating,  // the same; adds to the sums in State::reduced
};

/// Tensors that the forward pass of a layer keeps for its backward pass.
struct Tape {
  at::Tensor in, product, out;
  NormResult norm;
};

class LayerOps {
 public:
  virtual ~LayerOps() = default;
  /// Whether the product of a layer without BatchNorm adds the bias, and its
  /// backward pass computes the bias's gradient.
  virtual bool product_adds_bias() const = 0;
  /// A layer's product -> its output, of the same shape. May overwrite the
  /// product.
  virtual at::Tensor forward(const model::Layer& layer, at::Tensor product,
                             Mode mode, Tape* tape) = 0;
  /// dy -> derivative by the product, of the same shape. Writes the gradients
  /// of bias or BatchNorm, and the batch's statistics. May overwrite dy.
  virtual at::Tensor backward(const model::Layer& layer, const Tape& tape,
                              at::Tensor dy, bool accumulate) = 0;
  /// Called at the start of a pass; discards the state of a failed pass.
  virtual void begin() = 0;
  /// Writes a weight's gradient to the flat buffer, now or in finish().
  virtual void write(const at::Tensor& to, const at::Tensor& gradient,
                     bool accumulate) = 0;
  virtual void finish(bool accumulate) = 0;
};

}  // namespace vae::engine::blocks
