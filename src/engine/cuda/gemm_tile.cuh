// The middle of every product: a tile of the result in registers, fed through a
// ring of stages in shared memory. A stage is a tile of both matrices, 64 deep;
// a loader fills it with asynchronous copies, and while one stage is multiplied
// the next ones are on their way. Products are a warp's (from compute
// capability 8.0 on) or a warpgroup's (9.0a).
#pragma once

#include "engine/cuda/tensor_core.cuh"

namespace vae::engine::cuda {

constexpr int kDeep = 64;        // numbers of K in a stage
constexpr int kDeepBytes = 128;  // the same in bytes

/// A tile [kM, kN] by kWarpsM * kWarpsN warps, kWarpsK times: these share the
/// depth of a stage and add up at the end.
template <int m, int n, int warps_m, int warps_n, int warps_k, int stages,
          bool warpgroups>
struct GemmTile {
  static constexpr int kM = m, kN = n, kStages = stages;
  static constexpr int kWarpsM = warps_m, kWarpsN = warps_n, kWarpsK = warps_k;
  static constexpr bool kWarpgroups = warpgroups;
  static constexpr int kThreads = 32 * warps_m * warps_n * warps_k;
  static constexpr int kStageBytes = (m + n) * kDeepBytes;
  static constexpr int kShared = stages * kStageBytes + 1024;  // to align
  static constexpr int kRowsM = m / warps_m / 16;  // 16 x 8 products of a warp
  static constexpr int kColumnsN = n / warps_n / 8;
  static_assert(m % (16 * warps_m) == 0 && n % (16 * warps_n) == 0);
  static_assert(!warpgroups || (warps_n == 1 && kRowsM == 1 && stages >= 3));
};

/// Where 16 bytes of a matrix lie in its tile. Swizzled, so that the eight
/// rows of a matrix that a warp reads lie in different banks.
/// K-major: rows of 64 numbers; `chunk`: eight of them.
__device__ inline std::uint32_t k_major(int row, int chunk) {
  return static_cast<std::uint32_t>(row * kDeepBytes +
                                    ((chunk ^ (row & 7)) << 4));
}
/// The other way round: rows are numbers of K, in pieces of 64 columns.
__device__ inline std::uint32_t mn_major(int k, int chunk) {
  return static_cast<std::uint32_t>((chunk >> 3) * kDeep * kDeepBytes +
                                    k * kDeepBytes +
                                    (((chunk & 7) ^ (k & 7)) << 4));
}

/// The sums of a tile [kM, kN], each in a register of one thread. `transposed`:
/// a matrix lies in its stage with K as rows (mn_major).
template <class Tile, bool a_transposed, bool b_transposed>
struct Accumulator {
  float c[Tile::kRowsM][Tile::kColumnsN][4] = {};
  int lane, warp_m, warp_n, warp_k;

  __device__ Accumulator() {
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int inner = warp % (Tile::kWarpsM * Tile::kWarpsN);
    lane = static_cast<int>(threadIdx.x) % 32;
    warp_k = warp / (Tile::kWarpsM * Tile::kWarpsN);
    warp_m = inner % Tile::kWarpsM, warp_n = inner / Tile::kWarpsM;
  }

  static constexpr int kSteps = kDeep / 16 / Tile::kWarpsK;
  static constexpr std::uint32_t kBytesA = Tile::kM * kDeepBytes;

  /// Adds the product of one stage, by this warp.
  __device__ void multiply_stage(std::uint32_t stage) {
    const std::uint32_t a0 = stage, b0 = stage + kBytesA;
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int k = warp_k * kSteps + step;
      std::uint32_t a[Tile::kRowsM][4], b[Tile::kColumnsN / 2][4];
#pragma unroll
      for (int i = 0; i < Tile::kRowsM; ++i) {
        const int row = (warp_m * Tile::kRowsM + i) * 16;
        if constexpr (!a_transposed)
          load_matrices(a[i],
                        a0 + k_major(row + (lane & 15), 2 * k + (lane >> 4)));
        else
          load_matrices_transposed(
              a[i], a0 + mn_major(16 * k + (lane & 7) + (lane >> 4) * 8,
                                  row / 8 + ((lane >> 3) & 1)));
      }
#pragma unroll
      for (int j = 0; j < Tile::kColumnsN / 2; ++j) {
        const int column = warp_n * Tile::kColumnsN * 8 + j * 16;
        if constexpr (!b_transposed)
          load_matrices(b[j],
                        b0 + k_major(column + (lane & 7) + (lane >> 4) * 8,
                                     2 * k + ((lane >> 3) & 1)));
        else
          load_matrices_transposed(
              b[j], b0 + mn_major(16 * k + (lane & 7) + ((lane >> 3) & 1) * 8,
                                  column / 8 + (lane >> 4)));
      }
#pragma unroll
      for (int i = 0; i < Tile::kRowsM; ++i)
#pragma unroll
        for (int j = 0; j < Tile::kColumnsN; ++j)
          multiply(c[i][j], a[i], b[j / 2][(j & 1) * 2],
                   b[j / 2][(j & 1) * 2 + 1]);
    }
  }

  /// The same by this warpgroup, to be waited for.
  __device__ void issue_stage(std::uint32_t stage) {
    const auto group = static_cast<std::uint32_t>(warp_m / 4);  // 64 rows each
    const std::uint32_t a0 = stage + group * 64 * kDeepBytes;
    const std::uint32_t b0 = stage + kBytesA;
    constexpr std::uint32_t kPiece = kDeep * kDeepBytes;  // 64 columns
    warpgroup_fence();
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const auto k = static_cast<std::uint32_t>(warp_k * kSteps + step);
      warpgroup_multiply<Tile::kN, a_transposed, b_transposed>(
          &c[0][0][0],
          matrix_descriptor(a0 + k * (a_transposed ? 2048 : 32),
                            a_transposed ? kPiece : 16, 1024),
          matrix_descriptor(b0 + k * (b_transposed ? 2048 : 32),
                            b_transposed ? kPiece : 16, 1024));
    }
    warpgroup_commit();
  }

  /// Sums over `stages` stages, each filled by load(address).
  template <class Load>
  __device__ void run(std::uint32_t shared, int stages, Load load) {
    if constexpr (Tile::kWarpgroups)
      run_warpgroups(shared, stages, load);
    else
      run_warps(shared, stages, load);
    wait_copies<0>();
    __syncthreads();
  }

  /// Where stage s of the ring lies, and which one follows it.
  static __device__ std::uint32_t stage_at(std::uint32_t shared, int s) {
    return shared + static_cast<std::uint32_t>(s) * Tile::kStageBytes;
  }
  static __device__ int after(int s) {
    return s + 1 == Tile::kStages ? 0 : s + 1;
  }
  /// Sends the first `ahead` stages on their way.
  template <int ahead, class Load>
  static __device__ void load_first(std::uint32_t shared, int stages,
                                    Load& load) {
#pragma unroll
    for (int s = 0; s < ahead; ++s) {
      if (s < stages) load(stage_at(shared, s));
      commit_copies();
    }
  }

  /// All but one stage of the ring are ahead of the one that is multiplied.
  template <class Load>
  __device__ void run_warps(std::uint32_t shared, int stages, Load& load) {
    constexpr int kAheadStages = Tile::kStages - 1;
    load_first<kAheadStages>(shared, stages, load);
    for (int t = 0, now = 0, next = kAheadStages; t < stages;
         ++t, now = after(now), next = after(next)) {
      wait_copies<Tile::kStages - 2>();
      __syncthreads();  // all threads' copies have arrived, `next` is free
      if (t + kAheadStages < stages) load(stage_at(shared, next));
      commit_copies();
      multiply_stage(stage_at(shared, now));
    }
  }

  /// One stage less is ahead: the products before the last may still read
  /// theirs.
  template <class Load>
  __device__ void run_warpgroups(std::uint32_t shared, int stages, Load& load) {
    constexpr int kAheadStages = Tile::kStages - 2;
    load_first<kAheadStages>(shared, stages, load);
    for (int t = 0, now = 0, next = kAheadStages; t < stages;
         ++t, now = after(now), next = after(next)) {
      wait_copies<Tile::kStages - 3>();
      fence_shared();
      __syncthreads();
      issue_stage(stage_at(shared, now));
      if (t + kAheadStages < stages) load(stage_at(shared, next));
      commit_copies();
      warpgroup_wait<1>();
    }
    warpgroup_wait<0>();
#pragma unroll
    for (int j = 0; j < Tile::kColumnsN; ++j)
#pragma unroll
      for (int q = 0; q < 4; ++q) keep_in_register(c[0][j][q]);
  }

  /// The warps that shared the depth add up; those of warp_k 0 then have the
  /// sums. `scratch`: kM * kN * (kWarpsK - 1) floats of shared memory.
  __device__ void add_depths(float* scratch) {
    if constexpr (Tile::kWarpsK == 1) return;
    constexpr int kGroup = Tile::kThreads / Tile::kWarpsK;
    constexpr int kEach = Tile::kRowsM * Tile::kColumnsN * 4;
    static_assert((Tile::kWarpsK - 1) * kEach * kGroup * 4 <=
                  Tile::kShared - 1024);
    float* mine = &c[0][0][0];
    const int thread = static_cast<int>(threadIdx.x) % kGroup;
    if (warp_k > 0)
#pragma unroll
      for (int i = 0; i < kEach; ++i)
        scratch[((warp_k - 1) * kEach + i) * kGroup + thread] = mine[i];
    __syncthreads();
    if (warp_k == 0)
#pragma unroll
      for (int other = 0; other < Tile::kWarpsK - 1; ++other)
#pragma unroll
        for (int i = 0; i < kEach; ++i)
          mine[i] += scratch[(other * kEach + i) * kGroup + thread];
    __syncthreads();
  }

  /// use(row, column, x, y): two neighbouring numbers of the tile.
  template <class Use>
  __device__ void each_pair(Use use) const {
    if (warp_k != 0) return;
#pragma unroll
    for (int i = 0; i < Tile::kRowsM; ++i)
#pragma unroll
      for (int j = 0; j < Tile::kColumnsN; ++j)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          use((warp_m * Tile::kRowsM + i) * 16 + lane / 4 + 8 * half,
              (warp_n * Tile::kColumnsN + j) * 8 + 2 * (lane % 4),
              c[i][j][2 * half], c[i][j][2 * half + 1]);
  }
};

}  // namespace vae::engine::cuda
