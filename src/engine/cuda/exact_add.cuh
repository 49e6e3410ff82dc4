// Adding to an ExactSum from many blocks at once, and what goes before and
// after: the sum of a warp, and zeros for the next time. See
// math/exact_sum.hpp.
#pragma once

#include "engine/cuda/gemm.hpp"
#include "engine/cuda/tensor_core.cuh"

namespace vae::engine::cuda {

__device__ inline void exact_add(ExactSum* to, double value) {
  const ExactSum part = exact_part(value);
  if (part.low == ExactSum::kBroken) {
    atomicOr(&to->low, part.low);
    return;
  }
  atomicAdd(&to->low, part.low);
  if (part.high != 0) atomicAdd(&to->high, part.high);
}

/// By all threads of a grid along x.
__device__ inline void clear_sums(const Clear& clear) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
       i < clear.count; i += step)
    clear.sums[i] = {0, 0};
}

/// In every lane.
__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}

}  // namespace vae::engine::cuda
