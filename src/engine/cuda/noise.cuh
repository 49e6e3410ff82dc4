// Noise as kernels draw it: four numbers at a time, keyed by seed, step and
// image. Which numbers those are is math/normal.hpp's business.
#pragma once

#include <cuda_runtime.h>

#include "engine/math/normal.hpp"
#include "engine/state.hpp"

namespace vae::engine::cuda {

/// Elements 4 * block … 4 * block + 3 of row `row` of out [.., width], times
/// `scale`; the row draws as image first_row + row. With a cursor, the step is
/// the cursor's.
__device__ inline void write_normals(NoiseKey key, const Cursor* cursor,
                                     std::uint64_t first_row, std::int64_t row,
                                     std::int64_t block, std::int64_t width,
                                     float scale, float* out) {
  if (cursor != nullptr) key.step = cursor->step;
  float values[4];
  normal_block(
      key,
      static_cast<std::uint32_t>(first_row + static_cast<std::uint64_t>(row)),
      static_cast<std::uint32_t>(block), values);
  float* to = out + row * width + block * 4;
#pragma unroll
  for (std::int64_t k = 0; k < 4; ++k)
    if (block * 4 + k < width) to[k] = scale * values[k];
}

}  // namespace vae::engine::cuda
