// BatchNorm's backward of eight channels of a row, from sums that the kernel
// before has added up. Used where the result is written, and where it is only
// multiplied on.
#pragma once

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_kernels.hpp"

namespace vae::engine::cuda {

/// What 64 channels need, as dx = g * scale + x * slope + shift: one thread
/// forms it for a channel, since reading exact sums takes long.
struct NormTable {
  static constexpr int kChannels = 64;
  float scale[kChannels], slope[kChannels], shift[kChannels];

  /// Every thread of the block must call it. Channels from n0 on of `width`.
  __device__ void fill(const NormGradientColumns& norm, std::int32_t n0,
                       std::int32_t width) {
    const auto i = static_cast<std::int32_t>(threadIdx.x);
    if (norm.x != nullptr && i < kChannels && n0 + i < width) {
      const std::int32_t n = n0 + i;
      const double rows = norm.rows;
      const double mean_g = exact_value(norm.sums[n]) / rows;
      const double mean_gx = exact_value(norm.sums[width + n]) / rows;
      const float mean = norm.mean[n], invstd = norm.invstd[n];
      // weight * invstd * (g - mean_g - (x - mean) * invstd * mean_gx)
      const float factor = norm.weight[n] * invstd;
      const float by_x = invstd * static_cast<float>(mean_gx);
      scale[i] = factor;
      slope[i] = -factor * by_x;
      shift[i] = factor * (mean * by_x - static_cast<float>(mean_g));
    }
    __syncthreads();
  }
};

struct NormColumns {
  Eight scale, slope, shift;

  /// Of eight channels from `first` of the table on.
  __device__ NormColumns(const NormTable& table, int first)
      : scale(load_floats(table.scale + first)),
        slope(load_floats(table.slope + first)),
        shift(load_floats(table.shift + first)) {}

  __device__ uint4 operator()(const uint4& g, const uint4& x) const {
    Eight e = unpack(g);
    const Eight in = unpack(x);
#pragma unroll
    for (int k = 0; k < 8; ++k)
      e.x[k] = e.x[k] * scale.x[k] + (in.x[k] * slope.x[k] + shift.x[k]);
    return pack(e);
  }
};

}  // namespace vae::engine::cuda
