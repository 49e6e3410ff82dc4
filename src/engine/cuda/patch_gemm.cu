// GEMMs of patches of an image (gemm_kernels.hpp): the first layer forward, the
// last one backward, and the gradients of both weights.
#include <algorithm>

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/cuda/gemm_tile.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/norm_columns.cuh"

namespace vae::engine::cuda {
namespace {

/// Of the kernels here: eight warps with 16 places each.
struct PatchTile {
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

/// Patches of one tile [128, 16] x w^T [16, 64] -> tile [128, 64], rounded to
/// bfloat16, in shared memory. A patch is one instruction deep, so nothing is
/// staged: patches and weights go from memory to registers.
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
  for (int j = 0; j < PatchTile::kN / 8; ++j) {
    const std::int32_t n = n0 + 8 * j + g;
    const auto* w = reinterpret_cast<const std::uint32_t*>(a.w) +
                    std::int64_t{n} * kPatchTaps / 2;
    float c[4] = {};
    multiply(c, patch, n < a.n ? w[t] : 0, n < a.n ? w[t + 4] : 0);
    auto* to = reinterpret_cast<std::uint32_t*>(
        tile + (warp * 16 + g) * PatchTile::kRow + 8 * j + 2 * t);
    to[0] = pack_bfloat16(c[0], c[1]);
    to[8 * PatchTile::kRow / 2] = pack_bfloat16(c[2], c[3]);
  }
}

/// patches [places, 16] x w^T [16, n] -> out [places, n] through the epilogue.
/// grid: blocks, each with every gridDim-th tile of places; tiles of n.
template <Epilogue kind>
__global__ void __launch_bounds__(PatchTile::kThreads)
    patch_gemm_kernel(PatchGemmArgs a) {
  unsigned char* shared = dynamic_shared();
  auto* tile = reinterpret_cast<std::uint16_t*>(shared);
  const auto n0 = static_cast<std::int32_t>(blockIdx.y) * PatchTile::kN;
  const std::int32_t places = a.patches.images * a.patches.by_places.divisor;
  EightSums columns;
  for (std::int32_t m0 = static_cast<std::int32_t>(blockIdx.x) * PatchTile::kM;
       m0 < places;
       m0 += static_cast<std::int32_t>(gridDim.x) * PatchTile::kM) {
    __syncthreads();  // the tile before is written
    patch_products(a, m0, n0, tile);
    __syncthreads();
    write_tile<kind, PatchTile::kThreads, PatchTile::kM, PatchTile::kN>(
        a.epilogue, tile, n0, a.n,
        [&](int row) -> std::int64_t {
          return m0 + row < places ? m0 + row : -1;
        },
        &columns);
  }
  const int stats = epilogue_sums<kind>(a.epilogue);
  if (stats > 0)
    add_columns<PatchTile::kThreads, PatchTile::kN / 8>(
        columns, stats, a.epilogue, n0, a.n,
        reinterpret_cast<float*>(shared + PatchTile::kTile));
}

struct WeightTile {
  static constexpr int kThreads = 256, kM = 128, kN = 64;
  static constexpr int kSums = kN * kPatchTaps;  // of a warp
  static constexpr int kShared = kThreads / 32 * kSums * 4 + 1024;
  static_assert(kM * kN * 2 <= kShared - 1024);
};

/// g [128 places, 64 channels] -> tile in shared memory, as it is or through
/// BatchNorm's backward.
__device__ void load_gradient(const PatchWeightArgs& a, const NormColumns& norm,
                              std::int32_t m0, std::int32_t n,
                              std::int32_t places, unsigned char* tile) {
  const int thread = static_cast<int>(threadIdx.x);
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
    *reinterpret_cast<uint4*>(tile + mn_major(row, thread % 8)) = g;
  }
}

/// Of a warp's sixteen places from m on, those of this lane, for both halves
/// of the taps: pairs of neighbouring places, as a product wants them.
struct PlacePairs {
  std::uint32_t x[2][2];

  __device__ PlacePairs(const Patches& p, std::int32_t m) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      const std::int32_t place = m + 2 * (lane % 4) + 8 * pair;
      const Corner even(p, place), odd(p, place + 1);
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int tap = 8 * j + lane / 4;
        x[j][pair] =
            pack_bfloat16(even(p, tap / 4, tap % 4), odd(p, tap / 4, tap % 4));
      }
    }
  }
};

/// The warps' sums [64, 16] side by side in shared memory, then added up in
/// their order.
__device__ void add_warps(const float (&c)[4][2][4], float* sums, float* out,
                          std::int32_t n0, std::int32_t n) {
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
  float* mine = sums + thread / 32 * WeightTile::kSums;
#pragma unroll
  for (int i = 0; i < 4; ++i)
#pragma unroll
    for (int j = 0; j < 2; ++j)
#pragma unroll
      for (int q = 0; q < 4; ++q)
        mine[(16 * i + lane / 4 + 8 * (q / 2)) * kPatchTaps + 8 * j +
             2 * (lane % 4) + q % 2] = c[i][j][q];
  __syncthreads();
  for (int i = thread; i < WeightTile::kSums; i += WeightTile::kThreads) {
    if (n0 + i / kPatchTaps >= n) continue;
    float total = 0;
#pragma unroll
    for (int w = 0; w < WeightTile::kThreads / 32; ++w)
      total += sums[w * WeightTile::kSums + i];
    out[i] = total;
  }
}

/// g^T [n, places] x patches [places, 16] -> partial sums [blocks, n, 16].
/// Each warp multiplies sixteen places of a tile and keeps its own sums, which
/// are added up once, at the end.
/// grid: blocks, each with every blocks-th tile of places; tiles of n.
__global__ void __launch_bounds__(WeightTile::kThreads)
    patch_weights_kernel(PatchWeightArgs a) {
  unsigned char* shared = dynamic_shared();
  const std::uint32_t tile = shared_address(shared);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const auto n0 = static_cast<std::int32_t>(blockIdx.y) * WeightTile::kN;
  const std::int32_t chunk = static_cast<std::int32_t>(threadIdx.x) % 8 * 8;
  const std::int32_t places = a.patches.images * a.patches.by_places.divisor;
  __shared__ NormTable table;
  table.fill(a.norm, n0, a.n);
  const NormColumns norm(table, chunk);

  float c[4][2][4] = {};  // [64, 16], of this warp's places
  for (std::int32_t m0 = static_cast<std::int32_t>(blockIdx.x) * WeightTile::kM;
       m0 < places; m0 += a.blocks * WeightTile::kM) {
    __syncthreads();  // the tile before is multiplied
    load_gradient(a, norm, m0, n0 + chunk, places, shared);
    const PlacePairs patch(a.patches, m0 + warp * 16);
    __syncthreads();
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      std::uint32_t g[4];
      load_matrices_transposed(
          g, tile + mn_major(warp * 16 + (lane & 7) + (lane >> 4) * 8,
                             2 * i + ((lane >> 3) & 1)));
#pragma unroll
      for (int j = 0; j < 2; ++j)
        multiply(c[i][j], g, patch.x[j][0], patch.x[j][1]);
    }
  }
  __syncthreads();
  add_warps(c, reinterpret_cast<float*>(shared),
            a.out + (std::int64_t{blockIdx.x} * a.n + n0) * kPatchTaps, n0,
            a.n);
}

template <Epilogue kind>
void launch_patch_gemm(const PatchGemmArgs& a, cudaStream_t stream) {
  const Patches& p = a.patches;
  const std::int64_t places = std::int64_t{p.images} * p.gh * p.gw;
  const std::int64_t out = places * a.n * 2;
  const std::int64_t tiles = (places + PatchTile::kM - 1) / PatchTile::kM;
  // As many blocks as run at once: sums of columns are then formed once.
  launch_tiles<patch_gemm_kernel<kind>, PatchTile>(
      "patch_gemm",
      std::int64_t{p.images} * p.h * p.w * kFloat + a.n * kPatchTaps * 2 +
          (a.epilogue.other != nullptr ? 2 : 1) * out,
      dim3(static_cast<unsigned>(std::min<std::int64_t>(tiles, 528)),
           static_cast<unsigned>((a.n + PatchTile::kN - 1) / PatchTile::kN)),
      stream, a);
}

}  // namespace

// image [images, h, w] -> out [images, gh, gw, n]
void patch_gemm(const PatchGemmArgs& a, cudaStream_t stream) {
  switch (a.epilogue.kind) {
    case Epilogue::statistics:
      return launch_patch_gemm<Epilogue::statistics>(a, stream);
    case Epilogue::normalised:
      return launch_patch_gemm<Epilogue::normalised>(a, stream);
    case Epilogue::masked:
      return launch_patch_gemm<Epilogue::masked>(a, stream);
    default:
      return launch_patch_gemm<Epilogue::rows>(a, stream);
  }
}

// One block for each multiprocessor of a large card: more would leave more
// partial sums to be added up.
std::int32_t patch_weight_blocks(std::int64_t places) {
  const std::int64_t tiles = (places + WeightTile::kM - 1) / WeightTile::kM;
  return static_cast<std::int32_t>(std::min<std::int64_t>(tiles, 132));
}

// image [images, h, w], g [images, gh, gw, n] -> out [blocks, n, 16]
void patch_weights(const PatchWeightArgs& a, cudaStream_t stream) {
  const Patches& p = a.patches;
  const std::int64_t places = std::int64_t{p.images} * p.gh * p.gw;
  launch_tiles<patch_weights_kernel, WeightTile>(
      "patch_weights",
      std::int64_t{p.images} * p.h * p.w * kFloat +
          places * a.n * 2 * (a.norm.x != nullptr ? 2 : 1) +
          std::int64_t{a.blocks} * a.n * kPatchTaps * kFloat,
      dim3(static_cast<unsigned>(a.blocks),
           static_cast<unsigned>((a.n + WeightTile::kN - 1) / WeightTile::kN)),
      stream, a);
}

}  // namespace vae::engine::cuda
