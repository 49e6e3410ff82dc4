// LayerOps by a device's fused operations, which read and write each activation
// once; LibTorch's separate functions do so several times.
#pragma once

#include <vector>

#include "engine/blocks/layer_ops.hpp"
#include "engine/fusion.hpp"

namespace vae::engine::blocks {

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
