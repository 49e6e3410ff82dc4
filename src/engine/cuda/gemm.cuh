// Convolutions and linear layers, forward and backward by their input, as one
// kernel. See gemm.hpp for what it computes and gemm_tile.cuh for how. The
// derivative by the weight is in weight_gemm.cuh.
#pragma once

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_tile.cuh"
#include "engine/cuda/launch.cuh"

namespace vae::engine::cuda {

constexpr std::int32_t kChunk16 = 8;  // numbers in 16 bytes

/// A tile of the sums in registers -> out [M, N] of one split, float32.
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

  /// Row m of `a`: where its first tap lies, and which of its taps lie inside
  /// of the image. `up`, `left`: the phase's offset, 0 or 1.
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
  /// b [N, taps, channels]: a thread copies numbers of one output channel.
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
  /// b [channels, taps, N]: a thread copies neighbouring output channels.
  __device__ void set_n_major(std::int32_t n0, int thread) {
    const std::int32_t n = n0 + thread % kChunksN * kChunk16;
    b_channel = thread / kChunksN;
    b_step = std::int64_t{kStepB} * p.taps * p.n;
    b = p.b + std::int64_t{b_channel} * p.taps * p.n + n;
    to_b = mn_major(thread / kChunksN, thread % kChunksN);
    if (n < p.n) b_inside = ~0u;
  }

  /// Issues the copies of the next stage: one tap, or 64 channels of it. What
  /// lies outside is copied as zeros.
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

/// a [M, K] x b [K, N] -> out [M, N] through the epilogue, where K is taps
/// times channels. grid: tiles of M, tiles of N, splits or phases. Sums over
/// rows are added up in the tile first, then once to those of the other blocks.
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

/// Blocks of all phases run side by side; they write different pixels.
template <class Tile, bool b_k_major, Epilogue kind>
void launch_gemm(const GemmArgs& p, cudaStream_t stream) {
  launch_tiles<gemm_kernel<Tile, b_k_major, kind>, Tile>(
      "gemm", gemm_bytes(p),
      dim3(static_cast<unsigned>(tiles(p.m, Tile::kM)),
           static_cast<unsigned>(tiles(p.n, Tile::kN)),
           static_cast<unsigned>(p.phases ? 4 : p.splits)),
      stream, p);
}

/// One kernel for each combination of the weight's layout and an epilogue that
/// layers need.
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

}  // namespace vae::engine::cuda
