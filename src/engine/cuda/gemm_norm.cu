// BatchNorm in bfloat16 (gemm_kernels.hpp). A thread has eight neighbouring
// channels of a few rows.
#include <algorithm>
#include <cmath>

#include "engine/cuda/gemm_kernels.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/norm_columns.cuh"

namespace vae::engine::cuda {
namespace {

constexpr int kChannels = NormTable::kChannels;  // of a block
struct NormTile {
  static constexpr int kThreads = 256, kShared = 0;
  static constexpr int kRows = kThreads / (kChannels / 8);  // at once
};

/// grid: blocks that share the rows, tiles of channels.
__device__ std::int32_t first_row() {
  return static_cast<std::int32_t>(blockIdx.x) * NormTile::kRows +
         static_cast<std::int32_t>(threadIdx.x) / (kChannels / 8);
}
__device__ std::int32_t row_step() {
  return static_cast<std::int32_t>(gridDim.x) * NormTile::kRows;
}

/// Statistics of channel n; block 0 keeps them for those who come later.
__device__ void column_statistics(const NormApplyArgs& a, std::int32_t n,
                                  float* mean, float* invstd) {
  const double rows = a.rows;
  const double m = exact_value(a.sums[n]) / rows;
  const double square = exact_value(a.sums[a.channels + n]) / rows - m * m;
  // Rounding may leave less than nothing; NaN stays NaN.
  const double variance = square < 0.0 ? 0.0 : square;
  const auto epsilon = static_cast<float>(model::kNormEpsilon);
  *mean = static_cast<float>(m);
  *invstd = 1.0f / std::sqrt(static_cast<float>(variance) + epsilon);
  if (blockIdx.x != 0) return;
  a.mean[n] = *mean, a.invstd[n] = *invstd;
  const double images = static_cast<double>(a.images);
  keep(a.mean_sum + n, images * (m + static_cast<double>(a.product_bias[n])),
       a.accumulate);
  keep(a.var_sum + n, images * variance * rows / (rows - 1.0), a.accumulate);
}

/// x [rows, channels] -> out [rows, channels], mean, invstd [channels]. Each
/// block forms the statistics of its channels anew from the sums: a kernel for
/// them alone would take longer.
__global__ void __launch_bounds__(NormTile::kThreads)
    norm_apply_kernel(NormApplyArgs a) {
  __shared__ float mean[kChannels], invstd[kChannels];
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  const std::int32_t n0 = static_cast<std::int32_t>(blockIdx.y) * kChannels;
  if (thread < kChannels && n0 + thread < a.channels)
    column_statistics(a, n0 + thread, mean + thread, invstd + thread);
  __syncthreads();
  const std::int32_t chunk = thread % (kChannels / 8) * 8, n = n0 + chunk;
  if (n >= a.channels) return;
  const Eight weight = load_floats(a.weight + n),
              bias = load_floats(a.bias + n);
  const Eight m = load_floats(mean + chunk), s = load_floats(invstd + chunk);
#pragma unroll 2
  for (std::int32_t row = first_row(); row < a.rows; row += row_step()) {
    const std::int64_t at = std::int64_t{row} * a.channels + n;
    Eight x = load_eight(a.x + at);
#pragma unroll
    for (int k = 0; k < 8; ++k)
      x.x[k] =
          activate(normalise(x.x[k], m.x[k], s.x[k]) * weight.x[k] + bias.x[k],
                   model::Activation::leaky_relu);
    *reinterpret_cast<uint4*>(a.out + at) = pack(x);
  }
}

/// g [rows, channels] -> the derivative by the norm's input, in place.
__global__ void __launch_bounds__(NormTile::kThreads)
    norm_gradient_kernel(NormGradientArgs a) {
  __shared__ NormTable table;
  const std::int32_t n0 = static_cast<std::int32_t>(blockIdx.y) * kChannels;
  table.fill(a.norm, n0, a.channels);
  const std::int32_t chunk =
      static_cast<std::int32_t>(threadIdx.x) % (kChannels / 8) * 8;
  const std::int32_t n = n0 + chunk;
  if (n >= a.channels) return;
  const NormColumns norm(table, chunk);
#pragma unroll 2
  for (std::int32_t row = first_row(); row < a.norm.rows; row += row_step()) {
    const std::int64_t at = std::int64_t{row} * a.channels + n;
    auto* g = reinterpret_cast<uint4*>(a.g + at);
    *g = norm(*g, *reinterpret_cast<const uint4*>(a.norm.x + at));
  }
}

/// Two rows to each thread, more where there would be many blocks.
dim3 norm_grid(std::int64_t rows, std::int64_t channels) {
  const std::int64_t blocks =
      (rows + 2 * NormTile::kRows - 1) / (2 * NormTile::kRows);
  return {static_cast<unsigned>(std::min<std::int64_t>(blocks, 1056)),
          static_cast<unsigned>((channels + kChannels - 1) / kChannels)};
}

}  // namespace

// Two bytes are read and two written of each number.
void norm_apply(const NormApplyArgs& a, cudaStream_t stream) {
  const std::int64_t numbers = std::int64_t{a.rows} * a.channels;
  launch_tiles<norm_apply_kernel, NormTile>(
      "norm_apply", 4 * numbers, norm_grid(a.rows, a.channels), stream, a);
}

// Of each number g and x are read and g is written.
void norm_gradient(const NormGradientArgs& a, cudaStream_t stream) {
  const std::int64_t numbers = std::int64_t{a.norm.rows} * a.channels;
  launch_tiles<norm_gradient_kernel, NormTile>(
      "norm_gradient", 6 * numbers, norm_grid(a.norm.rows, a.channels), stream,
      a);
}

}  // namespace vae::engine::cuda
