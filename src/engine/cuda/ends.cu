// See ends.hpp.
#include <algorithm>

#include "engine/cuda/ends.hpp"
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_tile.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/norm_columns.cuh"
#include "engine/math/likelihood.hpp"

namespace vae::engine::cuda {
namespace {

constexpr int kTaps = 16;
/// Of the kernels here: eight warps with 16 places each.
struct EndTile {
  static constexpr int kThreads = 256, kM = 128, kN = 64;
  static constexpr int kRow = kN + 8;  // of a tile as bfloat16
  static constexpr int kTile = kM * kRow * 2;
  static constexpr int kScratch = kThreads / 32 * 2 * kN * 4;
  static constexpr int kShared = kTile + kScratch + 1024;
};

/// A place of the grid and the corner of its patch.
struct Corner {
  const float* image;
  std::int32_t h, w;
  bool valid;

  __device__ Corner(const Patches& p, std::int32_t place)
      : valid(place < p.images * p.by_places.divisor) {
    const std::int32_t n = valid ? p.by_places.quotient(place) : 0;
    const std::int32_t at = place - n * p.by_places.divisor;
    const std::int32_t row = p.by_width.quotient(at);
    image = p.image + std::int64_t{n} * p.h * p.w;
    h = 2 * row - 1, w = 2 * (at - row * p.by_width.divisor) - 1;
  }
  __device__ float operator()(const Patches& p, int tap_h, int tap_w) const {
    const std::int32_t y = h + tap_h, x = w + tap_w;
    const bool inside = valid && y >= 0 && y < p.h && x >= 0 && x < p.w;
    return inside ? image[y * p.w + x] : 0.0f;
  }
};

/// Taps 2 t, 2 t + 1 of the row pair `below`, as a product wants them.
__device__ std::uint32_t tap_pair(const Patches& p, const Corner& at, int t,
                                  int below) {
  const int h = t / 2 + 2 * below, w = 2 * (t % 2);
  return pack_bfloat16(at(p, h, w), at(p, h, w + 1));
}

/// Products of one tile's patches, rounded into shared memory.
__device__ void patch_products(const PatchGemmArgs& a, std::int32_t m0,
                               std::int32_t n0, std::uint16_t* tile) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int g = lane / 4, t = lane % 4;
  const Corner upper(a.patches, m0 + warp * 16 + g);
  const Corner lower(a.patches, m0 + warp * 16 + g + 8);
  const std::uint32_t patch[4]{
      tap_pair(a.patches, upper, t, 0), tap_pair(a.patches, lower, t, 0),
      tap_pair(a.patches, upper, t, 1), tap_pair(a.patches, lower, t, 1)};
#pragma unroll
  for (int j = 0; j < EndTile::kN / 8; ++j) {
    const std::int32_t n = n0 + 8 * j + g;
    const auto* w = reinterpret_cast<const std::uint32_t*>(a.w) +
                    std::int64_t{n} * kTaps / 2;
    float c[4] = {};
    multiply(c, patch, n < a.n ? w[t] : 0, n < a.n ? w[t + 4] : 0);
    auto* to = reinterpret_cast<std::uint32_t*>(
        tile + (warp * 16 + g) * EndTile::kRow + 8 * j + 2 * t);
    to[0] = pack_bfloat16(c[0], c[1]);
    to[8 * EndTile::kRow / 2] = pack_bfloat16(c[2], c[3]);
  }
}

/// grid: blocks, each with every gridDim-th tile of places; tiles of n.
template <Epilogue kind>
__global__ void __launch_bounds__(EndTile::kThreads)
    patch_gemm_kernel(PatchGemmArgs a) {
  unsigned char* shared = dynamic_shared();
  auto* tile = reinterpret_cast<std::uint16_t*>(shared);
  const auto n0 = static_cast<std::int32_t>(blockIdx.y) * EndTile::kN;
  const std::int32_t places = a.patches.images * a.patches.by_places.divisor;
  EightSums columns;
  for (std::int32_t m0 = static_cast<std::int32_t>(blockIdx.x) * EndTile::kM;
       m0 < places; m0 += static_cast<std::int32_t>(gridDim.x) * EndTile::kM) {
    __syncthreads();  // the tile before is written
    patch_products(a, m0, n0, tile);
    __syncthreads();
    write_tile<kind, EndTile::kThreads, EndTile::kM, EndTile::kN>(
        a.epilogue, tile, n0, a.n,
        [&](int row) -> std::int64_t {
          return m0 + row < places ? m0 + row : -1;
        },
        &columns);
  }
  const int stats = epilogue_sums<kind>(a.epilogue);
  if (stats > 0)
    add_columns<EndTile::kThreads, EndTile::kN / 8>(
        columns, stats, a.epilogue, n0, a.n,
        reinterpret_cast<float*>(shared + EndTile::kTile));
}

struct WeightTile {
  static constexpr int kThreads = 256, kM = 128, kN = 64;
  static constexpr int kSums = kN * kTaps;  // of a warp
  static constexpr int kShared = kThreads / 32 * kSums * 4 + 1024;
  static_assert(kM * kN * 2 <= kShared - 1024);
};

/// grid: blocks, each with every blocks-th tile of places; tiles of n.
__global__ void __launch_bounds__(WeightTile::kThreads)
    patch_weights_kernel(PatchWeightArgs a) {
  unsigned char* shared = dynamic_shared();
  const std::uint32_t tile = shared_address(shared);
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32, warp = thread / 32;
  const auto n0 = static_cast<std::int32_t>(blockIdx.y) * WeightTile::kN;
  const std::int32_t n = n0 + thread % 8 * 8;
  const std::int32_t places = a.patches.images * a.patches.by_places.divisor;
  __shared__ NormTable table;
  table.fill(a.norm, n0, a.n);
  const NormColumns norm(table, thread % 8 * 8);

  float c[4][2][4] = {};
  for (std::int32_t m0 = static_cast<std::int32_t>(blockIdx.x) * WeightTile::kM;
       m0 < places; m0 += a.blocks * WeightTile::kM) {
    __syncthreads();  // the tile before is multiplied
#pragma unroll
    for (int i = 0; i < WeightTile::kM * 8 / WeightTile::kThreads; ++i) {
      const int row = thread / 8 + i * (WeightTile::kThreads / 8);
      uint4 g = make_uint4(0, 0, 0, 0);
      if (m0 + row < places && n < a.n) {
        const std::int64_t at = std::int64_t{m0 + row} * a.n + n;
        g = *reinterpret_cast<const uint4*>(a.g + at);
        if (a.norm.x != nullptr)
          g = norm(g, *reinterpret_cast<const uint4*>(a.norm.x + at));
      }
      *reinterpret_cast<uint4*>(shared + mn_major(row, thread % 8)) = g;
    }
    // Of this warp's sixteen places, those of its lane: two pairs.
    std::uint32_t patch[2][2];
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      const std::int32_t m = m0 + warp * 16 + 2 * (lane % 4) + 8 * pair;
      const Corner even(a.patches, m), odd(a.patches, m + 1);
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int tap = 8 * j + lane / 4;
        patch[j][pair] = pack_bfloat16(even(a.patches, tap / 4, tap % 4),
                                       odd(a.patches, tap / 4, tap % 4));
      }
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      std::uint32_t g[4];
      load_matrices_transposed(
          g, tile + mn_major(warp * 16 + (lane & 7) + (lane >> 4) * 8,
                             2 * i + ((lane >> 3) & 1)));
#pragma unroll
      for (int j = 0; j < 2; ++j)
        multiply(c[i][j], g, patch[j][0], patch[j][1]);
    }
  }
  __syncthreads();
  // The warps' sums [n, 16] side by side, then added up in their order.
  auto* sums = reinterpret_cast<float*>(shared);
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 2; ++j)
#pragma unroll
      for (int q = 0; q < 4; ++q)
        sums[warp * WeightTile::kSums +
             (16 * i + lane / 4 + 8 * (q / 2)) * kTaps + 8 * j +
             2 * (lane % 4) + q % 2] = c[i][j][q];
  __syncthreads();
  float* out = a.out + (std::int64_t{blockIdx.x} * a.n + n0) * kTaps;
  for (int i = thread; i < WeightTile::kSums; i += WeightTile::kThreads) {
    if (n0 + i / kTaps >= a.n) continue;
    float total = 0;
#pragma unroll
    for (int w = 0; w < WeightTile::kThreads / 32; ++w)
      total += sums[w * WeightTile::kSums + i];
    out[i] = total;
  }
}

/// Pairs of rows of the output that one block makes: `pairs` of them read
/// pairs + 2 rows of the input.
struct LastTile {
  static constexpr int kThreads = 256;
  static constexpr int kStride = kTaps + 1;  // floats of a pixel: no conflicts
  static constexpr int kShared =
      static_cast<int>(kLastLayerPixels * kStride * 4 +
                       kLastLayerChannels * kTaps * 2) +
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
/// because additions to one address wait for each other.
__device__ void add_totals(const LastLayerArgs& in, float recon, float square,
                           float gradient) {
  constexpr int kWarps = LastTile::kThreads / 32;
  __shared__ float part[3][kWarps];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) {
    recon += shuffle_xor(recon, mask);
    square += shuffle_xor(square, mask);
    gradient += shuffle_xor(gradient, mask);
  }
  if (lane == 0)
    part[0][warp] = recon, part[1][warp] = square, part[2][warp] = gradient;
  __syncthreads();
  if (threadIdx.x >= 3) return;
  float total = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) total += part[threadIdx.x][w];
  exact_add(&in.totals->recon + threadIdx.x, total);
}

/// grid: images times bands.
__global__ void __launch_bounds__(LastTile::kThreads)
    last_layer_kernel(LastArgs a) {
  const LastLayerArgs& in = a.in;
  unsigned char* shared = dynamic_shared();
  auto* weights = reinterpret_cast<std::uint16_t*>(shared);
  const std::int32_t padded = (in.channels + 15) / 16 * 16;
  auto* products =
      reinterpret_cast<float*>(shared + kLastLayerChannels * kTaps * 2);
  const auto image = static_cast<std::int32_t>(blockIdx.x) / a.bands;
  const std::int32_t pair0 =
      static_cast<std::int32_t>(blockIdx.x) % a.bands * a.pairs;
  const std::int32_t first = pair0 > 0 ? pair0 - 1 : 0;
  const std::int32_t end =
      pair0 + a.pairs + 1 < in.ih ? pair0 + a.pairs + 1 : in.ih;
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  for (std::int32_t i = thread; i < padded * kTaps; i += LastTile::kThreads)
    weights[i] = i < in.channels * kTaps ? in.w[i] : std::uint16_t{0};
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
    const float x = in.target[at];
    const PixelLoss<float> pixel =
        in.likelihood == Likelihood::bernoulli
            ? bernoulli_loss(output, x)
            : gaussian_loss(output, x, in.precision, in.norm);
    const float d = pixel.mean - x;
    in.gradient[at] = pixel.gradient;
    recon += pixel.loss, square += d * d, gradient += pixel.gradient;
  }
  add_totals(in, recon, square, gradient);
}

}  // namespace

namespace {

template <Epilogue kind>
void launch_patch_gemm(const PatchGemmArgs& a, cudaStream_t stream) {
  const Patches& p = a.patches;
  const std::int64_t places = std::int64_t{p.images} * p.gh * p.gw;
  const std::int64_t out = places * a.n * 2;
  const std::int64_t tiles = (places + EndTile::kM - 1) / EndTile::kM;
  // As many blocks as run at once: sums of columns are then formed once.
  launch_tiles<patch_gemm_kernel<kind>, EndTile>(
      "patch_gemm",
      std::int64_t{p.images} * p.h * p.w * kFloat + a.n * kTaps * 2 +
          (a.epilogue.other != nullptr ? 2 : 1) * out,
      dim3(static_cast<unsigned>(std::min<std::int64_t>(tiles, 528)),
           static_cast<unsigned>((a.n + EndTile::kN - 1) / EndTile::kN)),
      stream, a);
}

}  // namespace

void patch_gemm(const PatchGemmArgs& a, cudaStream_t stream) {
  switch (a.epilogue.kind) {
    case Epilogue::statistics:
      return launch_patch_gemm<Epilogue::statistics>(a, stream);
    case Epilogue::masked:
      return launch_patch_gemm<Epilogue::masked>(a, stream);
    default:
      return launch_patch_gemm<Epilogue::rows>(a, stream);
  }
}

std::int32_t patch_weight_blocks(std::int64_t places) {
  const std::int64_t tiles = (places + WeightTile::kM - 1) / WeightTile::kM;
  return static_cast<std::int32_t>(std::min<std::int64_t>(tiles, 132));
}

void patch_weights(const PatchWeightArgs& a, cudaStream_t stream) {
  const Patches& p = a.patches;
  const std::int64_t places = std::int64_t{p.images} * p.gh * p.gw;
  launch_tiles<patch_weights_kernel, WeightTile>(
      "patch_weights",
      std::int64_t{p.images} * p.h * p.w * kFloat +
          places * a.n * 2 * (a.norm.x != nullptr ? 2 : 1) +
          std::int64_t{a.blocks} * a.n * kTaps * kFloat,
      dim3(static_cast<unsigned>(a.blocks),
           static_cast<unsigned>((a.n + WeightTile::kN - 1) / WeightTile::kN)),
      stream, a);
}

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
      "last_layer", in + 2 * out + a.channels * kTaps * 2,
      dim3(static_cast<unsigned>(a.images * bands)), stream,
      LastArgs{a, static_cast<std::int32_t>(pairs),
               static_cast<std::int32_t>(bands), Divisor(a.ow)});
}

}  // namespace vae::engine::cuda
