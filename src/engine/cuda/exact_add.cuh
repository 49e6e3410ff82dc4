// Adding to an ExactSum from many blocks at once, and reading it in the kernel
// after. See math/exact_sum.hpp.
#pragma once

#include <cuda_runtime.h>

#include "engine/math/exact_sum.hpp"

namespace vae::engine::cuda {

__device__ inline void exact_add(ExactSum* to, float value) {
  const ExactSum part = exact_part(value);
  if (part.low == ExactSum::kBroken) {
    atomicOr(&to->low, part.low);
    return;
  }
  atomicAdd(&to->low, part.low);
  if (part.high != 0) atomicAdd(&to->high, part.high);
}

}  // namespace vae::engine::cuda
