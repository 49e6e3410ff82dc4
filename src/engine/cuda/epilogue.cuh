// What happens to a tile of a product between registers and memory: through
// shared memory, so that every thread then has eight neighbouring channels of a
// row, the bytes that memory moves at once. See Epilogue in gemm.hpp.
#pragma once

#include <cmath>

#include "engine/cuda/gemm.hpp"
#include "engine/cuda/tensor_core.cuh"
#include "engine/math/layer.hpp"
#include "engine/math/numbers.hpp"

namespace vae::engine::cuda {

// Adding to an ExactSum (math/exact_sum.hpp) from many blocks at once, and what
// goes before and after: the sum of a warp, and zeros for the next time.

__device__ inline void exact_add(ExactSum* to, double value) {
  const ExactSum part = exact_part(value);
  if (part.low == ExactSum::kBroken) {
    atomicOr(&to->low, part.low);
    return;
  }
  atomicAdd(&to->low, part.low);
  if (part.high != 0) atomicAdd(&to->high, part.high);
}

/// By all threads of a grid along x.
__device__ inline void clear_sums(const Clear& clear) {
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
       i < clear.count; i += step)
    clear.sums[i] = {0, 0};
}

/// In every lane.
__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) value += shuffle_xor(value, mask);
  return value;
}

/// Eight channels as four registers.
struct Eight {
  float x[8];
};
__device__ inline Eight unpack(const uint4& v) {
  const std::uint32_t words[4]{v.x, v.y, v.z, v.w};
  Eight e;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    e.x[2 * k] = __builtin_bit_cast(float, words[k] << 16);
    e.x[2 * k + 1] = __builtin_bit_cast(float, words[k] & 0xFFFF0000u);
  }
  return e;
}
__device__ inline uint4 pack(const Eight& e) {
  return make_uint4(
      pack_bfloat16(e.x[0], e.x[1]), pack_bfloat16(e.x[2], e.x[3]),
      pack_bfloat16(e.x[4], e.x[5]), pack_bfloat16(e.x[6], e.x[7]));
}
__device__ inline Eight load_eight(const std::uint16_t* from) {
  return unpack(*reinterpret_cast<const uint4*>(from));
}
__device__ inline Eight load_floats(const float* from) {
  Eight e;
#pragma unroll
  for (int k = 0; k < 8; ++k) e.x[k] = from[k];
  return e;
}

/// One thread's sums over the rows that it sees, of its eight channels.
struct EightSums {
  Eight a{}, b{};
};

/// Adds up the threads of a block that share eight channels (thread t has
/// chunk t % chunks), and adds the results to e.sums [stats, channels]. The
/// tile begins at column n0 of `width`. Every thread must call it; `scratch`
/// holds 2 * 8 * chunks floats for each warp.
template <int threads, int chunks>
__device__ void add_columns(EightSums sums, int stats, const EpilogueArgs& e,
                            std::int32_t n0, std::int32_t width,
                            float* scratch) {
  static_assert(chunks == 8 || chunks == 16, "a warp sees every chunk");
  constexpr int kWidth = 8 * chunks, kWarps = threads / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
#pragma unroll
  for (int k = 0; k < 8; ++k)
#pragma unroll
    for (int mask = chunks; mask < 32; mask *= 2) {
      sums.a.x[k] += shuffle_xor(sums.a.x[k], mask);
      sums.b.x[k] += shuffle_xor(sums.b.x[k], mask);
    }
  float* mine = scratch + warp * 2 * kWidth;
  if (lane < chunks)
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      mine[lane * 8 + k] = sums.a.x[k];
      mine[kWidth + lane * 8 + k] = sums.b.x[k];
    }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < stats * kWidth;
       i += threads) {
    const std::int32_t n = n0 + i % kWidth;
    if (n >= width) continue;
    float total = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) total += scratch[w * 2 * kWidth + i];
    exact_add(e.sums + i / kWidth * e.channels + n % e.channels, total);
  }
}

/// What a thread's eight channels need.
template <Epilogue kind>
struct EpilogueColumns {
  __device__ EpilogueColumns(const EpilogueArgs&, std::int32_t) {}
};
template <>
struct EpilogueColumns<Epilogue::rows> {
  Eight bias{};
  __device__ EpilogueColumns(const EpilogueArgs& e, std::int32_t n) {
    if (e.bias != nullptr) bias = load_floats(e.bias + n);
  }
};
template <>
struct EpilogueColumns<Epilogue::norm_gradient> {
  Eight mean, invstd, weight, shift;
  __device__ EpilogueColumns(const EpilogueArgs& e, std::int32_t n) {
    const std::int32_t c = n % e.channels;
    mean = load_floats(e.mean + c), invstd = load_floats(e.invstd + c);
    weight = load_floats(e.weight + c), shift = load_floats(e.shift + c);
  }
};
template <>
struct EpilogueColumns<Epilogue::normalised> {
  Eight mean, invstd, weight, shift;
  /// x lacks the product's bias, the running mean has it.
  __device__ EpilogueColumns(const EpilogueArgs& e, std::int32_t n)
      : mean(load_floats(e.running_mean + n)),
        invstd(load_floats(e.running_var + n)),
        weight(load_floats(e.weight + n)),
        shift(load_floats(e.shift + n)) {
    const auto epsilon = static_cast<float>(model::kNormEpsilon);
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      mean.x[k] -= e.product_bias[n + k];
      invstd.x[k] = 1.0f / std::sqrt(invstd.x[k] + epsilon);
    }
  }
};

/// One row's eight channels: x becomes what is written. `other`: what lies at
/// the same place of e.other, if the kind wants it.
template <Epilogue kind>
__device__ inline void finish_eight(const EpilogueArgs& e,
                                    const EpilogueColumns<kind>& c,
                                    const uint4& other, Eight* x,
                                    EightSums* sums) {
#pragma unroll
  for (int k = 0; k < 8; ++k) {
    float& v = x->x[k];
    if constexpr (kind == Epilogue::rows) {
      v += c.bias.x[k];
      if (e.relu) v = activate(v, model::Activation::relu);
    } else if constexpr (kind == Epilogue::normalised) {
      v = activate(normalise(v, c.mean.x[k], c.invstd.x[k]) * c.weight.x[k] +
                       c.shift.x[k],
                   model::Activation::leaky_relu);
    } else if constexpr (kind == Epilogue::statistics) {
      sums->b.x[k] += v * v;
    } else if constexpr (kind == Epilogue::norm_gradient) {
      const float normal =
          normalise(unpack(other).x[k], c.mean.x[k], c.invstd.x[k]);
      v = activation_gradient(v, normal * c.weight.x[k] + c.shift.x[k],
                              model::Activation::leaky_relu);
      sums->b.x[k] += v * normal;
    } else {
      v = activation_gradient(v, unpack(other).x[k], model::Activation::relu);
    }
    sums->a.x[k] += v;
  }
}

/// How many kinds of sums an epilogue makes.
template <Epilogue kind>
__device__ int epilogue_sums(const EpilogueArgs& e) {
  if (e.sums == nullptr) return 0;
  return kind == Epilogue::statistics || kind == Epilogue::norm_gradient ? 2
                                                                         : 1;
}

/// Writes a tile [tile_m, tile_n] that lies in shared memory as bfloat16, rows
/// of tile_n + 8 numbers. `row_of(m)` is where row m of the tile goes, -1:
/// nowhere. What it sums over rows is added to `sums`.
template <Epilogue kind, int threads, int tile_m, int tile_n, class RowOf>
__device__ void write_tile(const EpilogueArgs& e, const std::uint16_t* tile,
                           std::int32_t n0, std::int32_t width, RowOf row_of,
                           EightSums* sums) {
  constexpr int kChunks = tile_n / 8, kStep = threads / kChunks;
  constexpr int kRows = tile_m / kStep;
  constexpr bool kOther =
      kind == Epilogue::norm_gradient || kind == Epilogue::masked;
  static_assert(threads % kChunks == 0, "a thread keeps its channels");
  const int chunk = static_cast<int>(threadIdx.x) % kChunks;
  const int first = static_cast<int>(threadIdx.x) / kChunks;
  const std::int32_t n = n0 + 8 * chunk;
  if (n >= width) return;
  const EpilogueColumns<kind> columns(e, n);
  std::int64_t places[kRows];
  uint4 other[kRows] = {};
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const std::int64_t row = row_of(first + i * kStep);
    places[i] = row < 0 ? -1 : row * width + n;
    if (kOther && row >= 0)
      other[i] = *reinterpret_cast<const uint4*>(e.other + places[i]);
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    if (places[i] < 0) continue;
    Eight x = load_eight(tile + (first + i * kStep) * (tile_n + 8) + 8 * chunk);
    finish_eight<kind>(e, columns, other[i], &x, sums);
    *reinterpret_cast<uint4*>(static_cast<std::uint16_t*>(e.out) + places[i]) =
        pack(x);
  }
}

}  // namespace vae::engine::cuda
