// The last layer (gemm_kernels.hpp): the transposed convolution to an image,
// its likelihood and the gradient.
#include <algorithm>

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/tensor_core.cuh"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {
namespace {

/// Pairs of rows of the output that one block makes: `pairs` of them read
/// pairs + 2 rows of the input.
struct LastTile {
  static constexpr int kThreads = 256;
  static constexpr int kStride =
      kPatchTaps + 1;  // floats of a pixel: no conflicts
  static constexpr int kShared =
      static_cast<int>(kLastLayerPixels * kStride * 4 +
                       kLastLayerChannels * kPatchTaps * 2) +
      1024;
};
struct LastArgs {
  LastLayerArgs in;
  std::int32_t pairs, bands;
  Divisor by_width;  // of the output
};

/// Products [pixels, 16] of a band's pixels from `first` on, into shared
/// memory: what each contributes to the 4 x 4 places around it.
__device__ void last_products(const LastLayerArgs& in, const std::uint16_t* x,
                              std::int32_t pixels, std::uint32_t weights,
                              float* products) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int g = lane / 4, t = lane % 4;
  const auto number = [&](std::int32_t pixel, std::int32_t c) {
    return pixel < pixels && c < in.channels
               ? *reinterpret_cast<const std::uint32_t*>(
                     x + std::int64_t{pixel} * in.channels + c)
               : 0u;
  };
  for (std::int32_t p0 = warp * 16; p0 < pixels;
       p0 += LastTile::kThreads / 32 * 16) {
    float c[2][4] = {};
    for (std::int32_t k0 = 0; k0 < in.channels; k0 += 64) {
      std::uint32_t a[4][4];  // all asked for before the first is used
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const std::int32_t k = k0 + 16 * i + 2 * t;
        a[i][0] = number(p0 + g, k), a[i][1] = number(p0 + g + 8, k);
        a[i][2] = number(p0 + g, k + 8), a[i][3] = number(p0 + g + 8, k + 8);
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (k0 + 16 * i >= in.channels) break;
        std::uint32_t w[4];  // rows of 32 bytes: sixteen taps of a channel
        load_matrices_transposed(
            w, weights +
                   static_cast<std::uint32_t>(
                       (k0 + 16 * i + (lane & 7) + ((lane >> 3) & 1) * 8) * 32 +
                       (lane >> 4) * 16));
        multiply(c[0], a[i], w[0], w[1]);
        multiply(c[1], a[i], w[2], w[3]);
      }
    }
#pragma unroll
    for (int j = 0; j < 2; ++j)
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        const std::int32_t pixel = p0 + g + 8 * (q / 2);
        if (pixel < pixels)
          products[pixel * LastTile::kStride + 8 * j + 2 * t + q % 2] = c[j][q];
      }
  }
}

/// Output (h, w): the four products that fall on it. Tap r of input row i lies
/// on row 2 i - 1 + r.
__device__ float gather_output(const LastLayerArgs& in, const float* products,
                               std::int32_t first, std::int32_t h,
                               std::int32_t w) {
  float sum = 0;
#pragma unroll
  for (int u = 0; u < 2; ++u) {
    const std::int32_t r = 2 * u + ((h + 1) & 1), i = (h + 1 - r) >> 1;
    if (i < 0 || i >= in.ih) continue;
#pragma unroll
    for (int v = 0; v < 2; ++v) {
      const std::int32_t s = 2 * v + ((w + 1) & 1), j = (w + 1 - s) >> 1;
      if (j < 0 || j >= in.iw) continue;
      sum +=
          products[((i - first) * in.iw + j) * LastTile::kStride + 4 * r + s];
    }
  }
  return sum;
}

/// Adds what the threads of a block have to the totals: one addition to each,
/// because additions to one address wait for each other. A thread has at most
/// eight terms, so with those of a warp no sum takes more than twelve
/// roundings.
__device__ void add_totals(const LastLayerArgs& in, float recon, float square,
                           float gradient) {
  constexpr int kWarps = LastTile::kThreads / 32;
  __shared__ float part[3][kWarps];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  recon = warp_sum(recon), square = warp_sum(square);
  gradient = warp_sum(gradient);
  if (lane == 0)
    part[0][warp] = recon, part[1][warp] = square, part[2][warp] = gradient;
  __syncthreads();
  if (threadIdx.x >= 3) return;
  double total = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w)
    total += static_cast<double>(part[threadIdx.x][w]);
  exact_add(&in.totals->recon + threadIdx.x, total);
}

/// x [images, ih, iw, channels] -> output or losses and gradient
/// [images, oh, ow]. A block makes a band of output rows: first the products of
/// all input pixels that touch it, then the output from these. grid: images
/// times bands.
__global__ void __launch_bounds__(LastTile::kThreads)
    last_layer_kernel(LastArgs a) {
  const LastLayerArgs& in = a.in;
  unsigned char* shared = dynamic_shared();
  auto* weights = reinterpret_cast<std::uint16_t*>(shared);
  const std::int32_t padded = (in.channels + 15) / 16 * 16;
  auto* products =
      reinterpret_cast<float*>(shared + kLastLayerChannels * kPatchTaps * 2);
  const auto image = static_cast<std::int32_t>(blockIdx.x) / a.bands;
  const std::int32_t pair0 =
      static_cast<std::int32_t>(blockIdx.x) % a.bands * a.pairs;
  const std::int32_t first = pair0 > 0 ? pair0 - 1 : 0;
  const std::int32_t end =
      pair0 + a.pairs + 1 < in.ih ? pair0 + a.pairs + 1 : in.ih;
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  for (std::int32_t i = thread; i < padded * kPatchTaps;
       i += LastTile::kThreads)
    weights[i] = i < in.channels * kPatchTaps ? in.w[i] : std::uint16_t{0};
  __syncthreads();
  last_products(
      in, in.x + (std::int64_t{image} * in.ih + first) * in.iw * in.channels,
      (end - first) * in.iw, shared_address(weights), products);
  __syncthreads();

  const std::int32_t rows =
      2 * (pair0 + a.pairs) < in.oh ? 2 * a.pairs : in.oh - 2 * pair0;
  const float bias = in.bias[0];
  float recon = 0, square = 0, gradient = 0;
  for (std::int32_t o = thread; o < rows * in.ow; o += LastTile::kThreads) {
    const std::int32_t row = a.by_width.quotient(o);
    const std::int32_t h = 2 * pair0 + row, w = o - row * in.ow;
    const std::int64_t at = (std::int64_t{image} * in.oh + h) * in.ow + w;
    const float output = gather_output(in, products, first, h, w) + bias;
    if (in.output != nullptr) {
      in.output[at] = output;
      continue;
    }
    const float x = in.target[at];
    const PixelLoss<float> pixel =
        in.likelihood == Likelihood::bernoulli
            ? bernoulli_loss(output, x)
            : gaussian_loss(output, x, in.precision, in.norm);
    const float d = pixel.mean - x;
    in.gradient[at] = pixel.gradient;
    recon += pixel.loss, square += d * d, gradient += pixel.gradient;
  }
  if (in.output == nullptr) add_totals(in, recon, square, gradient);
}

}  // namespace

// Chooses how many pairs of rows a band has.
void last_layer(const LastLayerArgs& a, cudaStream_t stream) {
  const std::int64_t all = (a.oh + 1) / 2;  // pairs of rows
  const std::int64_t most = kLastLayerPixels / a.iw - 2;
  // About two blocks for each multiprocessor, but a band of one pair reads
  // three rows for one.
  const std::int64_t wanted = std::max<std::int64_t>(
      all * a.images / 264, std::min<std::int64_t>(all, 4));
  const std::int64_t pairs =
      std::max<std::int64_t>(std::min({wanted, most, all}), 1);
  const std::int64_t bands = (all + pairs - 1) / pairs;
  const std::int64_t in = std::int64_t{a.images} * a.ih * a.iw * a.channels * 2;
  const std::int64_t out = std::int64_t{a.images} * a.oh * a.ow * kFloat;
  launch_tiles<last_layer_kernel, LastTile>(
      "last_layer", in + 2 * out + a.channels * kPatchTaps * 2,
      dim3(static_cast<unsigned>(a.images * bands)), stream,
      LastArgs{a, static_cast<std::int32_t>(pairs),
               static_cast<std::int32_t>(bands), Divisor(a.ow)});
}

}  // namespace vae::engine::cuda
