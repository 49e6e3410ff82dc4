// What a layer does besides its product: bias or BatchNorm, and activation,
// forward and backward. One implementation is LibTorch's functions, the other
// a device's fused operations; the network does not know which it has.
#pragma once

#include <ATen/ATen.h>

#include "engine/blocks/batch_norm.hpp"
#include "engine/blocks/parameters.hpp"

namespace vae::engine::blocks {

enum class Mode {
  inference,     // running statistics, nothing is kept
  training,      // keeps what the backward needs
  accumulating,  // the same, and sums are added to those that are there
};

/// What a layer's backward needs of its forward.
struct Tape {
  at::Tensor in, product, out;
  NormForward norm;
};

class LayerOps {
 public:
  virtual ~LayerOps() = default;
  /// Whether products of layers without BatchNorm bring their bias along, and
  /// their backward its gradient.
  virtual bool product_adds_bias() const = 0;
  /// From a layer's product to its output. May overwrite the product.
  virtual at::Tensor forward(const model::Layer& layer, at::Tensor product,
                             Mode mode, Tape* tape) = 0;
  /// From the derivative by the output to the one by the product; writes the
  /// gradients of bias or norm, and the batch's statistics. May overwrite dy.
  virtual at::Tensor backward(const model::Layer& layer, const Tape& tape,
                              at::Tensor dy, bool accumulate) = 0;
  /// A pass begins; one that failed half-way has left nothing behind.
  virtual void begin() = 0;
  /// A gradient that a product's backward left goes into the flat buffer, at
  /// the latest in finish().
  virtual void write(const at::Tensor& to, const at::Tensor& gradient,
                     bool accumulate) = 0;
  virtual void finish(bool accumulate) = 0;
};

}  // namespace vae::engine::blocks
