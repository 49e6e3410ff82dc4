// The latent code and the sums of a step (gemm_kernels.hpp).
#include <algorithm>

#include "engine/cuda/batch.cuh"
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {
namespace {

struct CodeTile {
  static constexpr int kThreads = 256, kShared = 0;
};
/// One more warp, which draws the noise while the others add up.
struct ForwardTile {
  static constexpr int kThreads = CodeTile::kThreads + 32, kShared = 0;
};

/// from[first * stride] + ... in order; sixteen are asked for before the first
/// is used.
__device__ inline float add_strided(const float* from, std::int64_t stride,
                                    std::int32_t first, std::int32_t last) {
  float sum = 0;
  for (std::int32_t s = first; s < last; s += 16) {
    float v[16];
#pragma unroll
    for (int k = 0; k < 16; ++k)
      v[k] = s + k < last ? from[(s + k) * stride] : 0.0f;
#pragma unroll
    for (int k = 0; k < 16; ++k) sum += v[k];
  }
  return sum;
}

/// Adds up the splits of one image's `width` numbers, with as many threads to a
/// number as there are, in the order of the splits. take(i, sum) is called by
/// one thread for each number.
template <class Take>
__device__ void add_splits(const float* partial, std::int32_t splits,
                           std::int64_t stride, std::int32_t width, Take take) {
  __shared__ float part[CodeTile::kThreads];
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  const std::int32_t groups =
      width <= CodeTile::kThreads ? CodeTile::kThreads / width : 1;
  const std::int32_t at_once =
      width <= CodeTile::kThreads ? width : CodeTile::kThreads;
  const std::int32_t group = thread / at_once;
  for (std::int32_t first = 0; first < width; first += at_once) {
    const std::int32_t i = first + thread % at_once;
    const bool works =
        thread < CodeTile::kThreads && group < groups && i < width;
    float sum = 0;
    if (works)
      sum = add_strided(partial + i, stride, splits * group / groups,
                        splits * (group + 1) / groups);
    if (thread < CodeTile::kThreads) part[thread] = sum;
    __syncthreads();
    if (works && group == 0) {
      for (std::int32_t g = 1; g < groups; ++g)
        sum += part[g * at_once + thread];
      take(i, sum);
    }
    __syncthreads();
  }
}

/// partial [splits, images, 2 * latent] -> heads, noise, z, KL. grid: images.
__global__ void __launch_bounds__(ForwardTile::kThreads)
    code_forward_kernel(CodeForwardArgs a) {
  const std::int64_t row = blockIdx.x;
  const std::int64_t latent = a.latent, width = 2 * latent;
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  clear_sums(a.clear);
  if (thread >= CodeTile::kThreads)
    for (std::int64_t block = thread - CodeTile::kThreads; 4 * block < latent;
         block += ForwardTile::kThreads - CodeTile::kThreads)
      write_normals(a.key, a.cursor, a.first_row, row, block, latent, 1.0f,
                    a.noise);
  float* heads = a.heads + row * width;
  add_splits(a.partial + row * width, a.splits, a.images * width,
             static_cast<std::int32_t>(width),
             [&](std::int32_t i, float sum) { heads[i] = sum + a.bias[i]; });
  double sum = 0;  // a thread has as many terms as there are dimensions
  for (std::int64_t i = thread; i < latent; i += ForwardTile::kThreads) {
    const float mean = heads[i], logvar = heads[latent + i];
    const std::int64_t at = row * latent + i;
    write_number(a.z + at, reparameterise(mean, logvar, a.noise[at]));
    sum += static_cast<double>(kl_divergence(mean, logvar));
  }
  const float kl = warp_sum(static_cast<float>(sum));
  __shared__ float warps[ForwardTile::kThreads / 32];
  if (thread % 32 == 0) warps[thread / 32] = kl;
  __syncthreads();
  if (thread != 0) return;
  double total = 0;
#pragma unroll
  for (const float each : warps) total += static_cast<double>(each);
  a.kl_rows[row] = static_cast<float>(total);
}

/// partial [splits, images, 2 * latent] -> heads [images, 2 * latent]. grid:
/// images.
__global__ void __launch_bounds__(CodeTile::kThreads)
    code_heads_kernel(HeadsArgs a) {
  const std::int32_t width = 2 * a.latent;
  const std::int64_t first = std::int64_t{blockIdx.x} * width;
  add_splits(
      a.partial + first, a.splits, std::int64_t{a.images} * width, width,
      [&](std::int32_t i, float sum) { a.heads[first + i] = sum + a.bias[i]; });
}

/// partial [splits, images, latent] -> dheads [images, 2 * latent], and its
/// sums over images. grid: blocks, each with every gridDim-th image.
__global__ void __launch_bounds__(CodeTile::kThreads)
    code_backward_kernel(CodeBackwardArgs a) {
  const std::int64_t latent = a.latent;
  const auto kl_weight = static_cast<float>(a.settings->kl_weight);
  // A thread has the same dimension in each image, unless there are more
  // dimensions than threads.
  const bool same = a.latent <= CodeTile::kThreads;
  LatentSlope<double> sum{0, 0};
  const auto finish = [&](std::int32_t i) {
    exact_add(a.bias_sums + i, sum.mean);
    exact_add(a.bias_sums + latent + i, sum.logvar);
    sum = {0, 0};
  };
  for (std::int64_t row = blockIdx.x; row < a.images; row += gridDim.x) {
    const float* heads = a.heads + row * 2 * latent;
    std::uint16_t* dheads = a.dheads + row * 2 * latent;
    add_splits(a.partial + row * latent, a.splits, a.images * latent, a.latent,
               [&](std::int32_t i, float dz) {
                 const LatentSlope<float> slope =
                     latent_slope(dz, heads[i], heads[latent + i],
                                  a.noise[row * latent + i], kl_weight);
                 write_number(dheads + i, slope.mean);
                 write_number(dheads + latent + i, slope.logvar);
                 sum.mean += static_cast<double>(slope.mean);
                 sum.logvar += static_cast<double>(slope.logvar);
                 if (!same) finish(i);
               });
  }
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  if (same && thread < a.latent) finish(thread);
}

/// heads, KL, totals -> tail. Block k < latent: dimension k. Block latent: the
/// Tail.
__global__ void __launch_bounds__(CodeTile::kThreads)
    step_sums_kernel(StepSumsArgs a) {
  const auto k = static_cast<std::int32_t>(blockIdx.x);
  if (k < a.latent) {
    sum_dimension<CodeTile::kThreads>(a.heads, a.images, a.latent, k, a.tail,
                                      a.accumulate);
    return;
  }
  const double kl = sum_rows<CodeTile::kThreads>(a.kl_rows, a.images);
  if (threadIdx.x != 0) return;
  write_tail(a.tail, exact_value(a.totals->recon), kl,
             exact_value(a.totals->square) / a.pixels, a.images, *a.settings,
             a.accumulate);
}

constexpr int kSumColumns = 64, kSumLanes = CodeTile::kThreads / 8;

/// Rows of a thread that are added up before they are added to the others'.
constexpr std::int32_t kFewRows = 32;

/// x [rows, columns] -> sums [columns]. grid: tiles of columns. A thread has
/// eight columns of every kSumLanes-th row.
__global__ void __launch_bounds__(CodeTile::kThreads)
    row_sums_kernel(RowSumsArgs a) {
  __shared__ float part[kSumLanes][kSumColumns];
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  const std::int32_t chunk = thread % 8 * 8, lane = thread / 8;
  const std::int32_t first =
      static_cast<std::int32_t>(blockIdx.x) * kSumColumns;
  Eight sum{};
  if (first + chunk < a.columns)
    for (std::int32_t start = lane; start < a.rows;
         start += kFewRows * kSumLanes) {
      const std::int32_t next = start + kFewRows * kSumLanes;
      const std::int32_t end = next < a.rows ? next : a.rows;
      Eight few{};
#pragma unroll 8
      for (std::int32_t row = start; row < end; row += kSumLanes) {
        const Eight x =
            load_eight(a.x + std::int64_t{row} * a.columns + first + chunk);
#pragma unroll
        for (int k = 0; k < 8; ++k) few.x[k] += x.x[k];
      }
#pragma unroll
      for (int k = 0; k < 8; ++k) sum.x[k] += few.x[k];
    }
#pragma unroll
  for (int k = 0; k < 8; ++k) part[lane][chunk + k] = sum.x[k];
  __syncthreads();
  if (thread >= kSumColumns || first + thread >= a.columns) return;
  float total = 0;
#pragma unroll 8
  for (int i = 0; i < kSumLanes; ++i) total += part[i][thread];
  a.sums[first + thread] = total;
}

}  // namespace

void code_forward(const CodeForwardArgs& a, cudaStream_t stream) {
  const std::int64_t numbers = std::int64_t{a.images} * a.latent;
  launch_tiles<code_forward_kernel, ForwardTile>(
      "code_forward", numbers * (2 * a.splits * 4 + 8 + 4 + 2) + a.images * 4,
      dim3(static_cast<unsigned>(a.images)), stream, a);
}

void code_heads(const HeadsArgs& a, cudaStream_t stream) {
  launch_tiles<code_heads_kernel, CodeTile>(
      "code_heads",
      std::int64_t{a.images} * 2 * a.latent * (a.splits + 1) * kFloat,
      dim3(static_cast<unsigned>(a.images)), stream, a);
}

void code_backward(const CodeBackwardArgs& a, cudaStream_t stream) {
  const std::int64_t numbers = std::int64_t{a.images} * a.latent;
  launch_tiles<code_backward_kernel, CodeTile>(
      "code_backward", numbers * (a.splits * 4 + 8 + 4 + 4),
      dim3(static_cast<unsigned>(std::min(a.images, 264))), stream, a);
}

void step_sums(const StepSumsArgs& a, cudaStream_t stream) {
  launch_tiles<step_sums_kernel, CodeTile>(
      "step_sums", std::int64_t{a.images} * (2 * a.latent + 1) * kFloat,
      dim3(static_cast<unsigned>(a.latent + 1)), stream, a);
}

void row_sums(const RowSumsArgs& a, cudaStream_t stream) {
  launch_tiles<row_sums_kernel, CodeTile>(
      "row_sums", std::int64_t{a.rows} * a.columns * 2 + a.columns * kFloat,
      dim3(static_cast<unsigned>((a.columns + kSumColumns - 1) / kSumColumns)),
      stream, a);
}

}  // namespace vae::engine::cuda
