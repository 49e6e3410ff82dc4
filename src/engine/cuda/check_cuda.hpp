// Checks the result of CUDA calls. Translates c10 exceptions to vae::Error; no
// other type escapes this directory.
#pragma once

#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>

#include "base/check.hpp"

namespace vae::engine::cuda {

inline void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  // Clear the thread's last CUDA error, which the host may query next.
  (void)cudaGetLastError();
  // libvae's handles are valid, so the caller's stream is not.
  const Status status = error == cudaErrorMemoryAllocation ? Status::memory
                        : error == cudaErrorInvalidResourceHandle
                            ? Status::argument
                            : Status::device;
  fail(status, "CUDA failed while ", doing, ": ", cudaGetErrorString(error));
}

template <class Work>
auto translated(Work work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    fail(Status::memory, "LibTorch on CUDA: ", error.what_without_backtrace());
  } catch (const c10::Error& error) {
    fail(Status::device, "LibTorch on CUDA: ", error.what_without_backtrace());
  }
}

}  // namespace vae::engine::cuda
