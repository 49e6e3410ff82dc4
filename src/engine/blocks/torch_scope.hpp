// What LibTorch shares with the whole process. Its settings are set for one
// call and restored: threads, gradients, autocast and, on CUDA, TF32 and
// determinism. The heap in which its tensors lie is tuned once.
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

/// Makes glibc reuse the memory of freed tensors. By default it maps blocks of
/// more than 128 KiB and unmaps them when freed, so that page faults take an
/// eighth of every step. glibc raises this threshold to the size of a mapped
/// block that is freed, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD); this
/// function allocates and frees one such block. Up to 64 MiB of free memory
/// then stay with the process. No effect if the host has set the threshold, or
/// with another allocator.
void keep_freed_memory();

}  // namespace vae::engine::blocks
