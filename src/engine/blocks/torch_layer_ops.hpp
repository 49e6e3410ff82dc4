// LayerOps by LibTorch's functions, on any device.
#pragma once

#include "engine/blocks/layer_ops.hpp"

namespace vae::engine::blocks {

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

}  // namespace vae::engine::blocks
