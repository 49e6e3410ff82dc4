// LibTorch's process-wide and thread-wide settings, borrowed for one call and
// given back: threads, TF32, determinism, gradients. The host never notices.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>

#include <memory>

#include "engine/device.hpp"

namespace vae::engine::blocks {

class TorchScope {
 public:
  TorchScope(Device& device, int threads, Precision precision,
             bool deterministic);
  ~TorchScope();
  TorchScope(const TorchScope&) = delete;
  TorchScope& operator=(const TorchScope&) = delete;

 private:
  struct CudaSettings {
    bool tf32_blas, tf32_cudnn, deterministic, deterministic_cudnn;
  };
  c10::InferenceMode no_gradients_;
  std::unique_ptr<Device::Scope> stream_;
  int omp_threads_, torch_threads_;
  std::unique_ptr<CudaSettings> cuda_;
};

}  // namespace vae::engine::blocks
