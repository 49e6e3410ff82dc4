// The latent code between the heads' product and the decoder's, in one kernel
// each way; arithmetic is in float32, whatever the products' numbers are. See
// kernel_operations.hpp.
#include "engine/cuda/batch.cuh"
#include "engine/cuda/columns.cuh"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {
namespace {

/// product [rows, 2 * latent] -> heads, noise, z, KL. One block per row.
template <class T>
__global__ void latent_forward_kernel(LatentForward in) {
  const std::int64_t latent = in.product.channels / 2, row = blockIdx.x;
  for (std::int64_t block = threadIdx.x; 4 * block < latent; block += kThreads)
    write_normals(in.key, in.cursor, in.first_row, row, block, latent, 1.0f,
                  in.noise);
  __syncthreads();
  const T* product = static_cast<const T*>(in.product.data) + row * 2 * latent;
  float* heads = in.heads + row * 2 * latent;
  T* z = static_cast<T*>(in.z) + row * latent;
  double kl = 0;
  for (std::int64_t i = threadIdx.x; i < latent; i += kThreads) {
    const float mean = read_number(product[i]) + in.bias[i];
    const float logvar = read_number(product[latent + i]) + in.bias[latent + i];
    heads[i] = mean;
    heads[latent + i] = logvar;
    write_number(z + i,
                 reparameterise(mean, logvar, in.noise[row * latent + i]));
    kl += static_cast<double>(kl_divergence(mean, logvar));
  }
  kl = block_sum(kl);
  if (threadIdx.x == 0) in.kl_rows[row] = static_cast<float>(kl);
}

/// dz [rows, latent] -> dheads [rows, 2 * latent] and its sums over rows.
/// Channels are those of the heads: means, then log-variances.
template <class T>
struct HeadsGradient {
  const T* dz;
  T* dheads;
  LatentBackward in;

  struct Column {
    std::int64_t dimension;
    float kl_weight;
    bool logvar;
  };
  struct Item {
    float dz, head, noise;
  };
  __device__ Column column(std::int64_t channel) const {
    const bool logvar = channel >= in.dz.channels;
    return {logvar ? channel - in.dz.channels : channel,
            static_cast<float>(in.settings->kl_weight), logvar};
  }
  __device__ Item load(const Column& c, std::int64_t row,
                       std::int64_t at) const {
    const std::int64_t i = row * in.dz.channels + c.dimension;
    return {read_number(dz[i]), in.heads[at], c.logvar ? in.noise[i] : 0.0f};
  }
  /// A mean's derivative does not depend on the log-variance, nor the other
  /// way round, so the one that this thread does not have may be anything.
  __device__ Pair use(const Column& c, const Item& v, std::int64_t at) const {
    const float g =
        c.logvar ? latent_slope(v.dz, 0.0f, v.head, v.noise, c.kl_weight).logvar
                 : latent_slope(v.dz, v.head, 0.0f, 0.0f, c.kl_weight).mean;
    write_number(dheads + at, g);
    return {g, 0};
  }
  __device__ void finish(std::int64_t channel, double sum, double) const {
    keep(in.dbias + channel, sum, in.accumulate);
  }
};

}  // namespace

// product [rows, 2 * latent] -> heads [rows, 2 * latent], noise, z [rows,
// latent], KL [rows]
void KernelFusion::latent_forward(const LatentForward& in) {
  const std::int64_t rows = in.product.rows, width = in.product.channels;
  const std::int64_t numbers = rows * (width + width / 2);
  const std::int64_t floats = rows * (width + width / 2 + 1) + width;
  with_number(in.product.number, [&](auto number) {
    launch<latent_forward_kernel<decltype(number)>>(
        "latent_forward",
        numbers * number_size(in.product.number) + floats * kFloat, rows,
        device_.stream(), in);
  });
  device_.check_launch();
}

// dz [rows, latent] -> dheads [rows, 2 * latent], dbias [2 * latent]
void KernelFusion::latent_backward(const LatentBackward& in) {
  const std::int64_t rows = in.dz.rows, latent = in.dz.channels;
  const std::int64_t numbers = 3 * rows * latent;
  const std::int64_t floats = 3 * rows * latent + 2 * latent;
  with_number(in.dz.number, [&](auto number) {
    using T = decltype(number);
    column_sums("latent_backward",
                numbers * number_size(in.dz.number) + floats * kFloat, rows,
                2 * latent,
                HeadsGradient<T>{static_cast<const T*>(in.dz.data),
                                 static_cast<T*>(in.dheads), in},
                scratch(), device_.stream());
  });
  device_.check_launch();
}

}  // namespace vae::engine::cuda
