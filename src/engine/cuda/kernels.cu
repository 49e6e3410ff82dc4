// KernelOperations (kernel_operations.hpp): rows, latent code and likelihood.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "engine/cuda/batch.cuh"
#include "engine/cuda/kernel_operations.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/math/numbers.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {
namespace {

/// Rows that lie on the device.
struct LoadArgs {
  const void* rows;
  ElementType type;
  bool reorder;          // from [C, H, W] to [H, W, C]
  const Cursor* cursor;  // null: rows in order, from `first` on
  std::uint64_t first;
  std::int64_t count, elements, channels;
  float* to;
};

struct StoreArgs {
  const float* from;
  void* to;
  ElementType type;
  bool reorder;  // to [C, H, W] from [H, W, C]
  bool logits;
  std::int64_t count, elements, channels;
};

/// Columns [first, first + columns) of a [rows, width] matrix.
struct ColumnArgs {
  const float* from;
  float* to;
  std::int64_t width, first, columns, rows;
};

/// Which row of the data image i of a batch is.
__device__ std::uint64_t source_row(const LoadArgs& a, std::int64_t image) {
  const auto i = static_cast<std::uint64_t>(image);
  return a.cursor != nullptr ? a.cursor->order(a.cursor->position + i)
                             : a.first + i;
}

/// Element `from` of the data as float, bytes in [0, 1].
__device__ float source_number(const LoadArgs& a, std::uint64_t from) {
  return a.type == ElementType::uint8
             ? pixel_to_float(static_cast<const std::uint8_t*>(a.rows)[from])
             : static_cast<const float*>(a.rows)[from];
}

/// Blocks that share an image's elements. Where an image lies is found once by
/// each: an order takes many divisions.
constexpr std::int64_t kLoadElements = 4 * kThreads;

/// rows of the data -> to [count, elements], as [H, W, C].
__global__ void load_kernel(LoadArgs a) {
  const std::int64_t parts = (a.elements + kLoadElements - 1) / kLoadElements;
  const std::int64_t pixels = a.elements / a.channels;
  for (std::int64_t b = blockIdx.x; b < a.count * parts; b += gridDim.x) {
    const std::int64_t image = b / parts, first = b % parts * kLoadElements;
    __shared__ std::uint64_t row;
    __syncthreads();  // the row before is used up
    if (threadIdx.x == 0) row = source_row(a, image);
    __syncthreads();
    const std::uint64_t start = row * static_cast<std::uint64_t>(a.elements);
#pragma unroll
    for (std::int64_t k = 0; k < 4; ++k) {
      const std::int64_t e = first + k * kThreads + threadIdx.x;
      if (e >= a.elements) break;
      const std::int64_t source =
          a.reorder ? hwc_to_chw(e, a.channels, pixels) : e;
      a.to[image * a.elements + e] =
          source_number(a, start + static_cast<std::uint64_t>(source));
    }
  }
}

/// from [count, elements], as [H, W, C] -> rows in the caller's format.
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

/// from [rows, width] -> to [rows, columns].
__global__ void columns_kernel(ColumnArgs a) {
  for (std::int64_t i = global_index(); i < a.rows * a.columns;
       i += global_size())
    a.to[i] = a.from[i / a.columns * a.width + a.first + i % a.columns];
}

/// -> out [rows, width]. A thread draws four neighbouring numbers, which are
/// one block of the generator.
__global__ void normals_kernel(Normals in) {
  const std::int64_t blocks = (in.width + 3) / 4;
  for (std::int64_t i = global_index(); i < in.rows * blocks;
       i += global_size()) {
    const std::int64_t row = i / blocks;
    write_normals(in.key, in.cursor, in.first_row, row, i % blocks, in.width,
                  in.scale, in.out);
  }
}

/// heads, noise -> z, KL. One block per row, which adds up the row's KL.
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

/// heads, noise, dz -> dheads. One thread per dimension of a row.
__global__ void latent_gradient_kernel(LatentGradient in) {
  const auto kl_weight = static_cast<float>(in.settings->kl_weight);
  for (std::int64_t i = global_index(); i < in.rows * in.latent;
       i += global_size()) {
    const std::int64_t row = i / in.latent, k = i % in.latent;
    const std::int64_t mean = row * 2 * in.latent + k;
    const std::int64_t logvar = mean + in.latent;
    const LatentSlope<float> slope = latent_slope(
        in.dz[i], in.heads[mean], in.heads[logvar], in.noise[i], kl_weight);
    in.dheads[mean] = slope.mean;
    in.dheads[logvar] = slope.logvar;
  }
}

struct ReconstructionArgs {
  Reconstruction in;
  float precision, norm;  // of gaussian_loss
};

/// output, target -> losses, gradient. One block per row, which adds up the
/// row's losses in double.
__global__ void reconstruction_kernel(ReconstructionArgs a) {
  const Reconstruction& in = a.in;
  const std::int64_t row = blockIdx.x;
  double recon = 0, square = 0;
  for (std::int64_t i = threadIdx.x; i < in.pixels; i += kThreads) {
    const std::int64_t at = row * in.pixels + i;
    const float x = in.target[at];
    const PixelLoss<float> pixel =
        in.likelihood == Likelihood::bernoulli
            ? bernoulli_loss(in.output[at], x)
            : gaussian_loss(in.output[at], x, a.precision, a.norm);
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

template <class T>
struct BatchSumsArgs {
  BatchSums in;
  T* to;
};

/// Block k < latent: dimension k. Block latent: the Tail.
template <class T>
__global__ void batch_sums_kernel(BatchSumsArgs<T> a) {
  const BatchSums& in = a.in;
  const std::int64_t k = blockIdx.x;
  if (k < in.latent) {
    sum_dimension<kThreads>(in.heads, in.rows, in.latent, k, a.to,
                            in.accumulate);
    return;
  }
  const double recon = sum_rows<kThreads>(in.recon_rows, in.rows);
  const double kl = sum_rows<kThreads>(in.kl_rows, in.rows);
  const double mse = sum_rows<kThreads>(in.mse_rows, in.rows);
  if (threadIdx.x == 0)
    write_tail(a.to, recon, kl, mse, in.rows, *in.settings, in.accumulate);
}

/// Starts load_kernel with a block for each part of each image.
void load_rows(const LoadArgs& a, cudaStream_t stream) {
  const std::int64_t total = a.count * a.elements;
  const auto size = static_cast<std::int64_t>(element_size(a.type));
  const std::int64_t parts = (a.elements + kLoadElements - 1) / kLoadElements;
  launch<load_kernel>("load_rows", total * (size + kFloat),
                      std::clamp<std::int64_t>(a.count * parts, 1, kMostBlocks),
                      stream, a);
}

void store_rows(const StoreArgs& a, cudaStream_t stream) {
  const std::int64_t total = a.count * a.elements;
  const auto size = static_cast<std::int64_t>(element_size(a.type));
  launch<store_kernel>("store_rows", total * (size + kFloat), blocks_for(total),
                       stream, a);
}

/// Whether rows of this layout are in another order than [H, W, C].
bool reorders(vae::Layout layout, model::Extent image) {
  return layout == vae::Layout::chw && image.c > 1;
}

std::int64_t row_bytes(model::Extent image, ElementType type) {
  return image.size() * static_cast<std::int64_t>(element_size(type));
}

}  // namespace

// rows [count, H, W, C] or [count, C, H, W] -> to [count, H, W, C]
void KernelOperations::load(const RowSource& from, model::Extent image,
                            float* to) {
  device_.read_rows(from, row_bytes(image, from.type),
                    [&](const RowSource& rows, std::int64_t done) {
                      load_rows(
                          {rows.data, rows.type, reorders(rows.layout, image),
                           rows.cursor, rows.first, rows.count, image.size(),
                           image.c, to + done * image.size()},
                          device_.stream());
                      device_.check_launch();
                    });
}

// from [count, H, W, C] -> rows [count, H, W, C] or [count, C, H, W]
void KernelOperations::store(const float* from, model::Extent image,
                             bool logits, const RowTarget& to) {
  device_.write_rows(to, row_bytes(image, to.type), [&](void* memory) {
    store_rows({from, memory, to.type, reorders(to.layout, image), logits,
                to.count, image.size(), image.c},
               device_.stream());
    device_.check_launch();
  });
}

// from [count, width] -> rows [count, columns]
void KernelOperations::store_columns(const float* from, std::int64_t width,
                                     std::int64_t first, std::int64_t columns,
                                     const RowTarget& to) {
  const std::int64_t total = to.count * columns;
  device_.write_rows(to, columns * kFloat, [&](void* memory) {
    launch<columns_kernel>("store_columns", 2 * total * kFloat,
                           blocks_for(total), device_.stream(),
                           ColumnArgs{from, static_cast<float*>(memory), width,
                                      first, columns, to.count});
    device_.check_launch();
  });
}

// -> out [rows, width]
void KernelOperations::normals(const Normals& in) {
  launch<normals_kernel>("normals", in.rows * in.width * kFloat,
                         blocks_for(in.rows * ((in.width + 3) / 4)),
                         device_.stream(), in);
  device_.check_launch();
}

// heads [rows, 2 * latent], noise [rows, latent] -> z [rows, latent], KL [rows]
void KernelOperations::latent(const Latent& in) {
  launch<latent_kernel>("latent", in.rows * (4 * in.latent + 1) * kFloat,
                        in.rows, device_.stream(), in);
  device_.check_launch();
}

// heads, noise, dz [rows, latent] -> dheads [rows, 2 * latent]
void KernelOperations::latent_gradient(const LatentGradient& in) {
  const std::int64_t total = in.rows * in.latent;
  launch<latent_gradient_kernel>("latent_gradient", 6 * total * kFloat,
                                 blocks_for(total), device_.stream(), in);
  device_.check_launch();
}

// output, target [rows, pixels] -> losses [rows], gradient [rows, pixels]
void KernelOperations::reconstruction(const Reconstruction& in) {
  const std::int64_t matrices = in.gradient != nullptr ? 3 : 2;
  launch<reconstruction_kernel>(
      "reconstruction", in.rows * (matrices * in.pixels + 2) * kFloat, in.rows,
      device_.stream(),
      ReconstructionArgs{in, static_cast<float>(gaussian_precision(in.sigma)),
                         static_cast<float>(gaussian_norm(in.sigma))});
  device_.check_launch();
}

// heads [rows, 2 * latent], losses [rows] -> Tail and [3, latent]
void KernelOperations::batch_sums(const BatchSums& in) {
  const std::int64_t bytes = (2 * in.rows * in.latent + 3 * in.rows) * kFloat;
  const auto start = [&](auto* to) {
    using T = std::remove_pointer_t<decltype(to)>;
    launch<batch_sums_kernel<T>>("batch_sums", bytes, in.latent + 1,
                                 device_.stream(), BatchSumsArgs<T>{in, to});
  };
  in.tail != nullptr ? start(in.tail) : start(in.totals);
  device_.check_launch();
}

}  // namespace vae::engine::cuda
