// Convolutions and linear layers, forward and backward by their input, as one
// kernel; their derivative by the weight as a second. See gemm.hpp for what
// they compute and gemm_tile.cuh for how.
#pragma once

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_tile.cuh"
#include "engine/cuda/launch.cuh"

namespace vae::engine::cuda {

constexpr std::int32_t kChunk16 = 8;  // numbers in 16 bytes

/// Writes partial sums [M, N] of one split.
template <class Sums>
__device__ void write_partial(const Sums& sums, float* out, std::int32_t m0,
                              std::int32_t n0, std::int32_t m, std::int32_t n) {
  sums.each_pair([&](int row, int column, float x, float y) {
    if (m0 + row >= m || n0 + column >= n) return;
    const std::int64_t at = std::int64_t{m0 + row} * n + n0 + column;
    *reinterpret_cast<float2*>(out + at) = make_float2(x, y);
  });
}

/// Loads the stages of GemmArgs one after the other, from `first` on. A thread
/// has eight channels (its chunk) of some rows. All that can be known before
/// is: issuing a copy must not take longer than multiplying what it brings.
template <class Tile, bool b_k_major>
struct GemmLoader {
  static constexpr int kRowStep = Tile::kThreads / 8;
  static constexpr int kRowsA = Tile::kM / kRowStep;
  static constexpr int kChunksN = Tile::kN / 8;
  static constexpr int kStepB =
      b_k_major ? kRowStep : Tile::kThreads / kChunksN;
  static constexpr int kRowsB = (b_k_major ? Tile::kN : kDeep) / kStepB;

  const GemmArgs& p;
  const std::uint16_t* a[kRowsA];  // tap (0, 0) of a row, at this chunk
  std::uint32_t inside[kRowsA];    // bit 4 r + s: tap (r, s) lies inside
  const std::uint16_t* b;          // of this thread's first row of b
  std::int64_t b_step;             // to its next
  std::uint32_t b_inside = 0;      // bit i: its i-th row exists, K-major
  std::uint32_t to_a, to_b;        // in a stage
  std::int32_t channel, b_channel;
  // The same for all threads: which stage comes next.
  std::int32_t r, s, block, tap0;

  __device__ GemmLoader(const GemmArgs& args, std::int32_t m0, std::int32_t n0,
                        std::int32_t phase, std::int32_t first)
      : p(args) {
    const Gather& g = p.a;
    const std::int32_t blocks = (g.channels + kDeep - 1) / kDeep;
    block = first % blocks * kDeep;
    r = first / blocks / g.taps_w, s = first / blocks % g.taps_w;
    tap0 = p.phases ? (1 - (phase >> 1)) * 4 + 1 - (phase & 1) : 0;
    const int thread = static_cast<int>(threadIdx.x);
    channel = thread % 8 * kChunk16;
    to_a = k_major(thread / 8, thread % 8);
#pragma unroll
    for (int i = 0; i < kRowsA; ++i)
      set_row(i, m0 + thread / 8 + i * kRowStep, phase >> 1, phase & 1);
    b_k_major ? set_k_major(n0, thread) : set_n_major(n0, thread);
    to_b += Tile::kM * kDeepBytes;
  }

  __device__ void set_row(int i, std::int32_t m, std::int32_t up,
                          std::int32_t left) {
    const Gather& g = p.a;
    const std::int32_t n = g.by_places.quotient(m);
    const std::int32_t place = m - n * g.by_places.divisor;
    const std::int32_t row = g.by_width.quotient(place);
    const std::int32_t h = row * g.stride + g.h0 + up;
    const std::int32_t w =
        (place - row * g.by_width.divisor) * g.stride + g.w0 + left;
    std::uint32_t rows = 0, columns = 0;
#pragma unroll
    for (int tap = 0; tap < 4; ++tap) {
      const std::int32_t y = h + tap * g.step, x = w + tap * g.step;
      if (tap < g.taps_h && y >= 0 && y < g.ih) rows |= 0xFu << (4 * tap);
      if (tap < g.taps_w && x >= 0 && x < g.iw) columns |= 0x1111u << tap;
    }
    inside[i] = m < p.m ? rows & columns : 0;
    a[i] =
        g.from + (std::int64_t{n * g.ih + h} * g.iw + w) * g.channels + channel;
  }
  __device__ void set_k_major(std::int32_t n0, int thread) {
    const std::int32_t n = n0 + thread / 8;
    b_channel = channel;
    b_step = std::int64_t{kStepB} * p.taps * p.a.channels;
    b = p.b + std::int64_t{n} * p.taps * p.a.channels + channel;
    to_b = k_major(thread / 8, thread % 8);
#pragma unroll
    for (int i = 0; i < kRowsB; ++i)
      if (n + i * kStepB < p.n) b_inside |= 1u << i;
  }
  __device__ void set_n_major(std::int32_t n0, int thread) {
    const std::int32_t n = n0 + thread % kChunksN * kChunk16;
    b_channel = thread / kChunksN;
    b_step = std::int64_t{kStepB} * p.taps * p.n;
    b = p.b + std::int64_t{b_channel} * p.taps * p.n + n;
    to_b = mn_major(thread / kChunksN, thread % kChunksN);
    if (n < p.n) b_inside = ~0u;
  }

  __device__ void operator()(std::uint32_t stage) {
    const Gather& g = p.a;
    const std::int32_t delta = (r * g.iw + s) * g.step * g.channels + block;
    const std::uint32_t bit =
        block + channel < g.channels ? 1u << (4 * r + s) : 0u;
#pragma unroll
    for (int i = 0; i < kRowsA; ++i)
      copy_async(
          stage + to_a + static_cast<std::uint32_t>(i * kRowStep * kDeepBytes),
          a[i] + delta, (inside[i] & bit) != 0);
    const std::int32_t tap = tap0 + r * p.tap_r + s * p.tap_s;
    const std::uint16_t* from =
        b + (b_k_major ? std::int64_t{tap * g.channels + block}
                       : std::int64_t{block * p.taps + tap} * p.n);
#pragma unroll
    for (int i = 0; i < kRowsB; ++i) {
      const std::int32_t c = block + b_channel + (b_k_major ? 0 : i * kStepB);
      copy_async(
          stage + to_b + static_cast<std::uint32_t>(i * kStepB * kDeepBytes),
          from + i * b_step, (b_inside >> i & 1u) != 0 && c < g.channels);
    }
    block += kDeep;
    if (block < g.channels) return;
    block = 0;
    if (++s == g.taps_w) s = 0, ++r;
  }
};

/// Where row m of a product goes; -1: nowhere.
__device__ inline std::int64_t output_row(const GemmArgs& p, std::int32_t m,
                                          std::int32_t phase) {
  if (m >= p.m) return -1;
  if (!p.phases) return m;
  const Gather& g = p.a;
  const std::int32_t n = g.by_places.quotient(m);
  const std::int32_t place = m - n * g.by_places.divisor;
  const std::int32_t row = g.by_width.quotient(place);
  const std::int32_t h = 2 * row + (phase >> 1);
  const std::int32_t w = 2 * (place - row * g.by_width.divisor) + (phase & 1);
  if (h >= p.oh || w >= p.ow) return -1;
  return (std::int64_t{n} * p.oh + h) * p.ow + w;
}

/// grid: tiles of M, tiles of N, splits or phases.
template <class Tile, bool b_k_major, Epilogue kind>
__global__ void __launch_bounds__(Tile::kThreads) gemm_kernel(GemmArgs p) {
  unsigned char* shared = dynamic_shared();
  const auto m0 = static_cast<std::int32_t>(blockIdx.x) * Tile::kM;
  const auto n0 = static_cast<std::int32_t>(blockIdx.y) * Tile::kN;
  const auto z = static_cast<std::int32_t>(blockIdx.z);
  const std::int32_t phase = p.phases ? z : 0, split = p.phases ? 0 : z;
  const std::int32_t all =
      p.a.taps_h * p.a.taps_w * ((p.a.channels + kDeep - 1) / kDeep);
  const std::int32_t first = all * split / p.splits;
  const std::int32_t last = all * (split + 1) / p.splits;

  GemmLoader<Tile, b_k_major> load(p, m0, n0, phase, first);
  Accumulator<Tile, false, !b_k_major> sums;
  sums.run(shared_address(shared), last - first,
           [&](std::uint32_t stage) { load(stage); });
  sums.add_depths(reinterpret_cast<float*>(shared));

  if constexpr (kind == Epilogue::partial) {
    write_partial(
        sums,
        static_cast<float*>(p.epilogue.out) + std::int64_t{split} * p.m * p.n,
        m0, n0, p.m, p.n);
    return;
  }
  constexpr int kRow = Tile::kN + 8;  // of the tile as bfloat16
  auto* tile = reinterpret_cast<std::uint16_t*>(shared);
  sums.each_pair([&](int row, int column, float x, float y) {
    *reinterpret_cast<std::uint32_t*>(tile + row * kRow + column) =
        pack_bfloat16(x, y);
  });
  __syncthreads();
  EightSums columns;
  write_tile<kind, Tile::kThreads, Tile::kM, Tile::kN>(
      p.epilogue, tile, n0, p.n,
      [&](int row) { return output_row(p, m0 + row, phase); }, &columns);
  const int stats = epilogue_sums<kind>(p.epilogue);
  if (stats == 0) return;
  auto* scratch = reinterpret_cast<float*>(shared + Tile::kM * kRow * 2);
  static_assert(Tile::kM * kRow * 2 + Tile::kThreads / 32 * 2 * Tile::kN * 4 <=
                Tile::kShared - 1024);
  add_columns<Tile::kThreads, Tile::kN / 8>(columns, stats, p.epilogue, n0, p.n,
                                            scratch);
}

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

  __device__ void set_place(int i, std::int32_t k, std::int32_t tap_h,
                            std::int32_t tap_w) {
    const Gather& g = p.b;
    const std::int32_t n = g.by_places.quotient(k);
    const std::int32_t at = k - n * g.by_places.divisor;
    const std::int32_t row = g.by_width.quotient(at);
    h[i] = row * g.stride + tap_h;
    w[i] = (at - row * g.by_width.divisor) * g.stride + tap_w;
    from[i] = ((std::int64_t{n} * g.ih + h[i]) * g.iw + w[i]) * g.channels;
    // Compared with their ends later on, so counted from the tap's place.
    h[i] -= tap_h, w[i] -= tap_w;
    tap_h_ = tap_h, tap_w_ = tap_w;
  }
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
    const Gather& g = p.b;
    from[i] += step, w[i] += step_w, h[i] += step_h;
    if (w[i] >= g.gw * g.stride)
      w[i] -= g.gw * g.stride, h[i] += g.stride, from[i] += carry_w;
    if (h[i] >= g.gh * g.stride) h[i] -= g.gh * g.stride, from[i] += carry_h;
  }

  std::int32_t tap_h_, tap_w_;
};

/// grid: tiles of M, tiles of N, splits.
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

inline std::int64_t tiles(std::int64_t size, std::int64_t tile) {
  return (size + tile - 1) / tile;
}

/// Bytes that a product must at least read and write.
inline std::int64_t gemm_bytes(const GemmArgs& p) {
  const Gather& g = p.a;
  const std::int64_t in = std::int64_t{g.images} * g.ih * g.iw * g.channels;
  const std::int64_t weights = std::int64_t{p.taps} * g.channels * p.n;
  const std::int64_t out =
      std::int64_t{p.phases ? g.images * p.oh * p.ow : p.m} * p.n;
  if (p.epilogue.kind == Epilogue::partial)
    return 2 * (in + weights) + 4 * out * p.splits;
  return 2 * (in + weights) + 2 * out * (p.epilogue.other != nullptr ? 2 : 1);
}

template <class Tile, bool b_k_major, Epilogue kind>
void launch_gemm(const GemmArgs& p, cudaStream_t stream) {
  launch_tiles<gemm_kernel<Tile, b_k_major, kind>, Tile>(
      "gemm", gemm_bytes(p),
      dim3(static_cast<unsigned>(tiles(p.m, Tile::kM)),
           static_cast<unsigned>(tiles(p.n, Tile::kN)),
           static_cast<unsigned>(p.phases ? 4 : p.splits)),
      stream, p);
}

/// A tile for each combination of orders and epilogues that layers need.
template <class Tile>
void launch_any(const GemmArgs& p, bool b_k_major, cudaStream_t stream) {
  switch (p.epilogue.kind) {
    case Epilogue::partial:
      return b_k_major ? launch_gemm<Tile, true, Epilogue::partial>(p, stream)
                       : launch_gemm<Tile, false, Epilogue::partial>(p, stream);
    case Epilogue::rows:
      return b_k_major ? launch_gemm<Tile, true, Epilogue::rows>(p, stream)
                       : launch_gemm<Tile, false, Epilogue::rows>(p, stream);
    case Epilogue::normalised:
      return launch_gemm<Tile, true, Epilogue::normalised>(p, stream);
    case Epilogue::statistics:
      return launch_gemm<Tile, true, Epilogue::statistics>(p, stream);
    case Epilogue::masked:
      return launch_gemm<Tile, true, Epilogue::masked>(p, stream);
    case Epilogue::norm_gradient:
      return launch_gemm<Tile, false, Epilogue::norm_gradient>(p, stream);
  }
}

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
