// Sets LibTorch's process-wide and thread-wide settings for one call and
// restores them: threads, gradients, autocast and, on CUDA, TF32 and
// determinism.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <memory>

#include "engine/device.hpp"

namespace vae::engine::blocks {

/// Whether this process was forked from one in which LibTorch had several
/// threads for libvae: OpenMP would wait for them forever.
bool lost_threads();

class TorchScope {
 public:
  TorchScope(Device& device, int threads, Precision precision,
             bool deterministic);
  ~TorchScope();
  TorchScope(const TorchScope&) = delete;
  TorchScope& operator=(const TorchScope&) = delete;

 private:
  class CudaSettings;

  c10::InferenceMode no_gradients_;
  // The host's autocast would change the element types of GEMMs.
  c10::impl::ExcludeDispatchKeyGuard no_autocast_;
  std::unique_ptr<Device::Scope> stream_;
  std::unique_ptr<CudaSettings> cuda_;
  int omp_threads_, torch_threads_;
};

}  // namespace vae::engine::blocks
