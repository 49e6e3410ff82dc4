// What our kernels share: how many threads, which index, and a sum over a
// block in a fixed order.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace vae::engine::cuda {

constexpr unsigned kThreads = 128;
constexpr std::int64_t kMostBlocks = 4096;  // the rest is a grid-stride loop

__device__ inline std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t global_size() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

inline unsigned blocks_for(std::int64_t elements) {
  const std::int64_t blocks = (elements + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < 1             ? 1
                               : blocks > kMostBlocks ? kMostBlocks
                                                      : blocks);
}

inline unsigned one_block_each(std::int64_t rows) {
  return static_cast<unsigned>(rows);
}

/// Valid in thread 0. Every thread of a block of kThreads must call it.
__device__ inline double block_sum(double value) {
  __shared__ double shared[kThreads];
  shared[threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  const double total = shared[0];
  __syncthreads();  // the next call may write at once
  return total;
}

}  // namespace vae::engine::cuda
