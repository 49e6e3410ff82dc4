// What kernels with and without our own GEMMs share of a batch: its noise, four
// numbers at a time, keyed by seed, step and image (math/normal.hpp says which
// numbers those are); and what it reports, its Tail and sums over images of
// each latent dimension.
#pragma once

#include <cuda_runtime.h>

#include "engine/cuda/launch.cuh"
#include "engine/math/normal.hpp"
#include "engine/math/objective.hpp"
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

/// By one thread. `recon`, `kl` and `mse` are sums over the images. T: float or
/// double.
template <class T>
__device__ void write_tail(T* to, double recon, double kl, double mse,
                           std::int64_t images, const Settings& settings,
                           bool accumulate) {
  const auto kl_weight = static_cast<float>(settings.kl_weight);
  const double loss = recon + static_cast<double>(kl_weight) * kl;
  auto* tail = reinterpret_cast<BasicTail<T>*>(to);
  keep(&tail->loss, loss, accumulate);
  keep(&tail->recon, recon, accumulate);
  keep(&tail->kl, kl, accumulate);
  keep(&tail->mse, mse, accumulate);
  keep(&tail->images, static_cast<double>(images), accumulate);
  keep(&tail->nonfinite, loss - loss == 0.0 ? 0.0 : 1.0, accumulate);
}

/// By a block: numbers of all images, valid in thread 0.
template <unsigned threads>
__device__ double sum_rows(const float* rows, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += threads)
    sum += static_cast<double>(rows[i]);
  return block_sum<threads>(sum);
}

/// By a block: dimension k of heads [images, 2 * latent] -> KL, mean and
/// mean^2, after the Tail.
template <unsigned threads, class T>
__device__ void sum_dimension(const float* all_heads, std::int64_t images,
                              std::int64_t latent, std::int64_t k, T* tail,
                              bool accumulate) {
  double kl = 0, mean = 0, square = 0;
  for (std::int64_t i = threadIdx.x; i < images; i += threads) {
    const float* heads = all_heads + i * 2 * latent;
    const auto value = static_cast<double>(heads[k]);
    kl += static_cast<double>(kl_divergence(heads[k], heads[latent + k]));
    mean += value;
    square += value * value;
  }
  kl = block_sum<threads>(kl);
  mean = block_sum<threads>(mean);
  square = block_sum<threads>(square);
  if (threadIdx.x != 0) return;
  T* out = tail + kTailFloats;
  keep(out + k, kl, accumulate);
  keep(out + latent + k, mean, accumulate);
  keep(out + 2 * latent + k, square, accumulate);
}

}  // namespace vae::engine::cuda
