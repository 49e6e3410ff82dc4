// See kernels.hpp: rows, latent code and likelihood.
#include <cuda_runtime.h>

#include <cmath>

#include "engine/cuda/kernels.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/math/latent.hpp"
#include "engine/math/likelihood.hpp"
#include "engine/math/normal.hpp"
#include "engine/math/pixels.hpp"

namespace vae::engine::cuda {
namespace {

__global__ void load_kernel(LoadArgs a) {
  const std::int64_t total = a.count * a.elements;
  const std::int64_t pixels = a.elements / a.channels;
  for (std::int64_t i = global_index(); i < total; i += global_size()) {
    const std::int64_t image = i / a.elements, e = i % a.elements;
    const auto at = a.first + static_cast<std::uint64_t>(image);
    const std::uint64_t row = a.shuffled ? a.order(at) : at;
    const std::int64_t source =
        a.reorder ? hwc_to_chw(e, a.channels, pixels) : e;
    const std::uint64_t from = row * static_cast<std::uint64_t>(a.elements) +
                               static_cast<std::uint64_t>(source);
    a.to[i] =
        a.type == ElementType::uint8
            ? pixel_to_float(static_cast<const std::uint8_t*>(a.rows)[from])
            : static_cast<const float*>(a.rows)[from];
  }
}

__global__ void store_kernel(StoreArgs a) {
  const std::int64_t total = a.count * a.elements;
  const std::int64_t pixels = a.elements / a.channels;
  for (std::int64_t i = global_index(); i < total; i += global_size()) {
    const std::int64_t image = i / a.elements, e = i % a.elements;
    const std::int64_t place =
        a.reorder ? hwc_to_chw(e, a.channels, pixels) : e;
    const float value = a.logits ? logistic(a.from[i]) : a.from[i];
    const std::int64_t to = image * a.elements + place;
    if (a.type == ElementType::uint8)
      static_cast<std::uint8_t*>(a.to)[to] = float_to_pixel(value);
    else
      static_cast<float*>(a.to)[to] = value;
  }
}

__global__ void columns_kernel(const float* from, std::int64_t width,
                               std::int64_t first, std::int64_t columns,
                               std::int64_t rows, float* to) {
  for (std::int64_t i = global_index(); i < rows * columns; i += global_size())
    to[i] = from[i / columns * width + first + i % columns];
}

__global__ void normals_kernel(NoiseKey key, std::uint64_t first_row,
                               std::int64_t rows, std::int64_t width,
                               float scale, float* out) {
  const std::int64_t blocks = (width + 3) / 4;
  for (std::int64_t i = global_index(); i < rows * blocks; i += global_size()) {
    const std::int64_t row = i / blocks, block = i % blocks;
    float values[4];
    normal_block(
        key,
        static_cast<std::uint32_t>(first_row + static_cast<std::uint64_t>(row)),
        static_cast<std::uint32_t>(block), values);
    for (std::int64_t k = 0; k < 4 && block * 4 + k < width; ++k)
      out[row * width + block * 4 + k] = scale * values[k];
  }
}

/// One block per row.
__global__ void latent_kernel(Latent in) {
  const std::int64_t row = blockIdx.x;
  const float* mean = in.heads + row * 2 * in.latent;
  const float* logvar = mean + in.latent;
  double kl = 0;
  for (std::int64_t i = threadIdx.x; i < in.latent; i += kThreads) {
    const std::int64_t at = row * in.latent + i;
    in.z[at] = reparameterise(mean[i], logvar[i], in.noise[at]);
    kl += static_cast<double>(kl_divergence(mean[i], logvar[i]));
  }
  kl = block_sum(kl);
  if (threadIdx.x == 0) in.kl_rows[row] = static_cast<float>(kl);
}

__global__ void latent_gradient_kernel(LatentGradient in) {
  for (std::int64_t i = global_index(); i < in.rows * in.latent;
       i += global_size()) {
    const std::int64_t row = i / in.latent, k = i % in.latent;
    const std::int64_t mean = row * 2 * in.latent + k;
    const std::int64_t logvar = mean + in.latent;
    const LatentSlope<float> slope = latent_slope(
        in.dz[i], in.heads[mean], in.heads[logvar], in.noise[i], in.kl_weight);
    in.dheads[mean] = slope.mean;
    in.dheads[logvar] = slope.logvar;
  }
}

/// One block per row.
__global__ void reconstruction_kernel(Reconstruction in, float precision,
                                      float norm) {
  const std::int64_t row = blockIdx.x;
  double recon = 0, square = 0;
  for (std::int64_t i = threadIdx.x; i < in.pixels; i += kThreads) {
    const std::int64_t at = row * in.pixels + i;
    const float x = in.target[at];
    const PixelLoss<float> pixel =
        in.likelihood == Likelihood::bernoulli
            ? bernoulli_loss(in.output[at], x)
            : gaussian_loss(in.output[at], x, precision, norm);
    const float d = pixel.mean - x;
    recon += static_cast<double>(pixel.loss);
    square += static_cast<double>(d * d);
    if (in.gradient != nullptr) in.gradient[at] = pixel.gradient;
  }
  recon = block_sum(recon);
  square = block_sum(square);
  if (threadIdx.x != 0) return;
  in.recon_rows[row] = static_cast<float>(recon);
  in.mse_rows[row] =
      static_cast<float>(square / static_cast<double>(in.pixels));
}

__device__ double sum_rows(const float* rows, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads)
    sum += static_cast<double>(rows[i]);
  return block_sum(sum);
}

__device__ void put(float* to, double value, bool accumulate) {
  const auto rounded = static_cast<float>(value);
  *to = accumulate ? *to + rounded : rounded;
}

/// Block k < latent: dimension k. Block latent: the Tail.
__global__ void batch_sums_kernel(BatchSums in) {
  const std::int64_t k = blockIdx.x;
  if (k == in.latent) {
    const double recon = sum_rows(in.recon_rows, in.rows);
    const double kl = sum_rows(in.kl_rows, in.rows);
    const double mse = sum_rows(in.mse_rows, in.rows);
    if (threadIdx.x != 0) return;
    const double loss = recon + static_cast<double>(in.kl_weight) * kl;
    auto* tail = reinterpret_cast<Tail*>(in.tail);
    put(&tail->loss, loss, in.accumulate);
    put(&tail->recon, recon, in.accumulate);
    put(&tail->kl, kl, in.accumulate);
    put(&tail->mse, mse, in.accumulate);
    put(&tail->images, static_cast<double>(in.rows), in.accumulate);
    put(&tail->nonfinite, loss - loss == 0.0 ? 0.0 : 1.0, in.accumulate);
    return;
  }
  double kl = 0, mean = 0, square = 0;
  for (std::int64_t i = threadIdx.x; i < in.rows; i += kThreads) {
    const float* heads = in.heads + i * 2 * in.latent;
    const auto value = static_cast<double>(heads[k]);
    kl += static_cast<double>(kl_divergence(heads[k], heads[in.latent + k]));
    mean += value;
    square += value * value;
  }
  kl = block_sum(kl);
  mean = block_sum(mean);
  square = block_sum(square);
  if (threadIdx.x != 0) return;
  float* out = in.tail + kTailFloats;
  put(out + k, kl, in.accumulate);
  put(out + in.latent + k, mean, in.accumulate);
  put(out + 2 * in.latent + k, square, in.accumulate);
}

}  // namespace

void load_rows(const LoadArgs& args, cudaStream_t stream) {
  const std::int64_t total = args.count * args.elements;
  load_kernel<<<blocks_for(total), kThreads, 0, stream>>>(args);
}

void store_rows(const StoreArgs& args, cudaStream_t stream) {
  const std::int64_t total = args.count * args.elements;
  store_kernel<<<blocks_for(total), kThreads, 0, stream>>>(args);
}

void store_columns(const float* from, std::int64_t width, std::int64_t first,
                   std::int64_t columns, std::int64_t rows, float* to,
                   cudaStream_t stream) {
  columns_kernel<<<blocks_for(rows * columns), kThreads, 0, stream>>>(
      from, width, first, columns, rows, to);
}

void normals(const NoiseKey& key, std::uint64_t first_row, std::int64_t rows,
             std::int64_t width, float scale, float* out, cudaStream_t stream) {
  normals_kernel<<<blocks_for(rows * ((width + 3) / 4)), kThreads, 0, stream>>>(
      key, first_row, rows, width, scale, out);
}

void latent(const Latent& in, cudaStream_t stream) {
  latent_kernel<<<one_block_each(in.rows), kThreads, 0, stream>>>(in);
}

void latent_gradient(const LatentGradient& in, cudaStream_t stream) {
  latent_gradient_kernel<<<blocks_for(in.rows * in.latent), kThreads, 0,
                           stream>>>(in);
}

void reconstruction(const Reconstruction& in, cudaStream_t stream) {
  const double two_pi = 6.283185307179586;
  reconstruction_kernel<<<one_block_each(in.rows), kThreads, 0, stream>>>(
      in, static_cast<float>(1.0 / (in.sigma * in.sigma)),
      static_cast<float>(std::log(in.sigma) + 0.5 * std::log(two_pi)));
}

void batch_sums(const BatchSums& in, cudaStream_t stream) {
  batch_sums_kernel<<<one_block_each(in.latent + 1), kThreads, 0, stream>>>(in);
}

}  // namespace vae::engine::cuda
