// Every CUDA call is checked here: what failed, and what CUDA says of it.
#pragma once

#include <cuda_runtime_api.h>

#include "base/check.hpp"

namespace vae::engine::cuda {

inline void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  const Status status =
      error == cudaErrorMemoryAllocation ? Status::memory : Status::device;
  fail(status, "CUDA failed while ", doing, ": ", cudaGetErrorString(error));
}

}  // namespace vae::engine::cuda
