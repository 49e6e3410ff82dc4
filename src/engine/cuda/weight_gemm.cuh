// The derivative of convolutions and linear layers by their weight, as one
// kernel. See gemm.hpp for what it computes and gemm_tile.cuh for how: the sum
// runs over the places of all images, of which 64 are a stage.
#pragma once

#include "engine/cuda/gemm.cuh"

namespace vae::engine::cuda {

/// Loads the stages of WeightGemmArgs: 64 places of the grid each. Where a
/// thread's places lie is counted on, as dividing takes longer than copying.
template <class Tile>
struct WeightLoader {
  static constexpr int kChunksM = Tile::kM / 8, kChunksN = Tile::kN / 8;
  static constexpr int kStepA = Tile::kThreads / kChunksM;
  static constexpr int kStepB = Tile::kThreads / kChunksN;
  static constexpr int kRowsA = kDeep / kStepA, kRowsB = kDeep / kStepB;

  const WeightGemmArgs& p;
  std::int32_t places, place_a, place_b;
  const std::uint16_t* a;
  const std::uint16_t* b;  // channel of tap (h0, w0) of the first place
  std::int32_t h[kRowsB], w[kRowsB];  // of the tap
  std::int64_t from[kRowsB];          // of the tap, in numbers
  std::uint32_t to_a, to_b;
  bool valid_m, valid_n;
  // 64 places further: so many images, rows, columns; and what that, and a
  // carry into the next row or image, means for `from`.
  std::int32_t step_h, step_w;
  std::int64_t step, carry_w, carry_h;

  __device__ WeightLoader(const WeightGemmArgs& args, std::int32_t m0,
                          std::int32_t n0, std::int32_t first)
      : p(args) {
    const int thread = static_cast<int>(threadIdx.x);
    const Gather& g = p.b;
    places = g.images * g.by_places.divisor;
    place_a = first * kDeep + thread / kChunksM;
    place_b = first * kDeep + thread / kChunksN;
    const std::int32_t m = m0 + thread % kChunksM * kChunk16;
    valid_m = m < p.m;
    a = p.a + std::int64_t{place_a} * p.m + m;
    to_a = mn_major(thread / kChunksM, thread % kChunksM);
    const std::int32_t n = n0 + thread % kChunksN * kChunk16;
    const std::int32_t tap = n / g.channels;
    valid_n = tap < g.taps_h * g.taps_w;
    b = g.from + n % g.channels;
    to_b =
        Tile::kM * kDeepBytes + mn_major(thread / kChunksN, thread % kChunksN);
#pragma unroll
    for (int i = 0; i < kRowsB; ++i)
      set_place(i, place_b + i * kStepB, g.h0 + tap / g.taps_w,
                g.w0 + tap % g.taps_w);
    set_steps();
  }

  /// Place k of the grid, counted through all images: where its tap lies.
  __device__ void set_place(int i, std::int32_t k, std::int32_t tap_h,
                            std::int32_t tap_w) {
    const Gather& g = p.b;
    const std::int32_t n = g.by_places.quotient(k);
    const std::int32_t at = k - n * g.by_places.divisor;
    const std::int32_t row = g.by_width.quotient(at);
    h[i] = row * g.stride + tap_h;
    w[i] = (at - row * g.by_width.divisor) * g.stride + tap_w;
    from[i] = ((std::int64_t{n} * g.ih + h[i]) * g.iw + w[i]) * g.channels;
    // Compared with the grid's ends later on, so counted without the tap.
    h[i] -= tap_h, w[i] -= tap_w;
    tap_h_ = tap_h, tap_w_ = tap_w;
  }
  /// What a stage of 64 places adds to a place's row, column and address.
  __device__ void set_steps() {
    const Gather& g = p.b;
    const std::int32_t n = kDeep / g.by_places.divisor;
    const std::int32_t at = kDeep - n * g.by_places.divisor;
    const std::int32_t row = at / g.gw;
    step_h = row * g.stride, step_w = (at - row * g.gw) * g.stride;
    step = ((std::int64_t{n} * g.ih + step_h) * g.iw + step_w) * g.channels;
    carry_w = (std::int64_t{g.stride} * g.iw - g.gw * g.stride) * g.channels;
    carry_h = std::int64_t{g.ih - g.gh * g.stride} * g.iw * g.channels;
  }

  /// Issues the copies of the next stage and goes 64 places further.
  __device__ void operator()(std::uint32_t stage) {
#pragma unroll
    for (int i = 0; i < kRowsA; ++i)
      copy_async(
          stage + to_a + static_cast<std::uint32_t>(i * kStepA * kDeepBytes),
          a + std::int64_t{i * kStepA} * p.m,
          valid_m && place_a + i * kStepA < places);
    a += std::int64_t{kDeep} * p.m, place_a += kDeep;
    const Gather& g = p.b;
#pragma unroll
    for (int i = 0; i < kRowsB; ++i) {
      const auto y = static_cast<std::uint32_t>(h[i] + tap_h_);
      const auto x = static_cast<std::uint32_t>(w[i] + tap_w_);
      copy_async(
          stage + to_b + static_cast<std::uint32_t>(i * kStepB * kDeepBytes),
          b + from[i],
          valid_n && place_b + i * kStepB < places &&
              y < static_cast<std::uint32_t>(g.ih) &&
              x < static_cast<std::uint32_t>(g.iw));
      next_place(i);
    }
    place_b += kDeep;
  }
  __device__ void next_place(int i) {
    // A place goes past the end of its row, of its image, or of both.
    const Gather& g = p.b;
    from[i] += step, w[i] += step_w, h[i] += step_h;
    if (w[i] >= g.gw * g.stride)
      w[i] -= g.gw * g.stride, h[i] += g.stride, from[i] += carry_w;
    if (h[i] >= g.gh * g.stride) h[i] -= g.gh * g.stride, from[i] += carry_h;
  }

  std::int32_t tap_h_, tap_w_;
};

/// a^T [M, places] x gathered [places, N] -> partial sums [splits, M, N], where
/// N is taps times channels. grid: tiles of M, tiles of N, splits.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    weight_gemm_kernel(WeightGemmArgs p) {
  unsigned char* shared = dynamic_shared();
  const auto m0 = static_cast<std::int32_t>(blockIdx.x) * Tile::kM;
  const auto n0 = static_cast<std::int32_t>(blockIdx.y) * Tile::kN;
  const auto split = static_cast<std::int32_t>(blockIdx.z);
  const Gather& g = p.b;
  const std::int32_t n = g.taps_h * g.taps_w * g.channels;
  const std::int32_t all = (g.images * g.by_places.divisor + kDeep - 1) / kDeep;
  const std::int32_t first =
      static_cast<std::int32_t>(std::int64_t{all} * split / p.splits);
  const std::int32_t last =
      static_cast<std::int32_t>(std::int64_t{all} * (split + 1) / p.splits);

  WeightLoader<Tile> load(p, m0, n0, first);
  Accumulator<Tile, true, true> sums;
  sums.run(shared_address(shared), last - first,
           [&](std::uint32_t stage) { load(stage); });
  sums.add_depths(reinterpret_cast<float*>(shared));
  write_partial(sums, p.out + std::int64_t{split} * p.m * n, m0, n0, p.m, n);
}

/// grid and images -> out [splits, M, taps * channels].
template <class Tile>
void launch_weight_gemm(const WeightGemmArgs& p, cudaStream_t stream) {
  const Gather& g = p.b;
  const std::int64_t n = std::int64_t{g.taps_h} * g.taps_w * g.channels;
  const std::int64_t places = std::int64_t{g.images} * g.gh * g.gw;
  const std::int64_t bytes =
      2 * (places * p.m + std::int64_t{g.images} * g.ih * g.iw * g.channels) +
      4 * n * p.m * p.splits;
  launch_tiles<weight_gemm_kernel<Tile>, Tile>(
      "weight_gemm", bytes,
      dim3(static_cast<unsigned>(tiles(p.m, Tile::kM)),
           static_cast<unsigned>(tiles(n, Tile::kN)),
           static_cast<unsigned>(p.splits)),
      stream, p);
}

}  // namespace vae::engine::cuda
