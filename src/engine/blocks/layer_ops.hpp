// The operations of a layer other than its GEMM or convolution (its "product"):
// bias or BatchNorm, and activation, forward and backward. Two implementations:
// LibTorch's functions (TorchLayerOps), and a device's fused operations
// (FusedLayerOps).
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "engine/blocks/batch_norm.hpp"
#include "engine/blocks/parameters.hpp"
#include "engine/fusion.hpp"

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

/// On any device.
class TorchLayerOps final : public LayerOps {
 public:
  explicit TorchLayerOps(const Parameters& parameters)
      : parameters_(parameters) {}

  bool product_adds_bias() const override { return true; }
  at::Tensor forward(const model::Layer& layer, at::Tensor product, Mode mode,
                     Tape* tape) override;
  at::Tensor backward(const model::Layer& layer, const Tape& tape,
                      at::Tensor dy, bool accumulate) override;
  void write(const at::Tensor& to, const at::Tensor& gradient,
             bool accumulate) override;
  void begin() override {}
  void finish(bool) override {}

 private:
  at::Tensor normalise(const model::Layer& layer, const at::Tensor& x,
                       bool training, Tape* tape) const;
  void write_statistics(const model::Layer& layer, const NormResult& norm,
                        std::int64_t images, bool accumulate);

  const Parameters& parameters_;
};

/// Reads and writes each activation once; LibTorch's separate functions do so
/// several times.
class FusedLayerOps final : public LayerOps {
 public:
  FusedLayerOps(const Parameters& parameters, Fusion& fusion)
      : parameters_(parameters), fusion_(fusion) {}

  bool product_adds_bias() const override { return false; }
  at::Tensor forward(const model::Layer& layer, at::Tensor product, Mode mode,
                     Tape* tape) override;
  at::Tensor backward(const model::Layer& layer, const Tape& tape,
                      at::Tensor dy, bool accumulate) override;
  void write(const at::Tensor& to, const at::Tensor& gradient,
             bool accumulate) override;
  void begin() override { pending_.clear(); }
  void finish(bool accumulate) override;

 private:
  void normalise(const model::Layer& layer, const at::Tensor& rows,
                 std::int64_t images, Mode mode, Tape* tape) const;
  void normalise_running(const model::Layer& layer,
                         const at::Tensor& rows) const;

  struct Pending {
    at::Tensor to, gradient;
  };
  const Parameters& parameters_;
  Fusion& fusion_;
  std::vector<Pending> pending_;  // finish() copies all in one launch
};

}  // namespace vae::engine::blocks
