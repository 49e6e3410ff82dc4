// Passes over a matrix [rows, channels] with or without sums over rows. Each
// thread processes one channel. An operation defines the arithmetic; this file
// distributes the elements and combines the blocks' sums.
//
// An operation has
//   Column column(channel)              what all elements of a channel need,
//   Item load(column, row, at)          an element's values, not yet used,
//   Pair use(column, item, at)          what is to be summed; may write,
//   void finish(channel, a, b)          takes the sums, if there are any.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/kernel_operations.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/math/numbers.hpp"

namespace vae::engine::cuda {

/// Elements that a thread loads before it uses the first: loads wait for
/// memory together instead of one after the other.
constexpr std::int64_t kAhead = 8;

struct Pair {
  float a, b;
};
struct PairSum {
  double a, b;
};

/// What one thread visits.
struct Lane {
  std::int64_t channel;
  std::int64_t first, last;  // rows; none where there is no such channel
  unsigned number, lanes;
  unsigned tile, chunk, column;  // column: channel within the tile
};

__device__ inline Lane lane_of(const ColumnGrid& grid) {
  Lane lane;
  lane.tile = blockIdx.x % grid.tiles;
  lane.chunk = blockIdx.x / grid.tiles;
  lane.column = threadIdx.x % grid.width;
  lane.number = threadIdx.x / grid.width;
  lane.lanes = kThreads / grid.width;
  lane.channel =
      static_cast<std::int64_t>(lane.tile) * grid.width + lane.column;
  const std::int64_t start = lane.chunk * grid.chunk_rows;
  const std::int64_t end = start + grid.chunk_rows;
  lane.first = start + lane.number;
  lane.last = lane.channel >= grid.channels ? 0
              : end < grid.rows             ? end
                                            : grid.rows;
  return lane;
}

/// Uses every element of a lane, in order. Few are added in float before the
/// sum goes on in double, so that it does not suffer from many rows.
template <class Op>
__device__ PairSum visit(const Op& op, const ColumnGrid& grid,
                         const Lane& lane) {
  PairSum sum{0, 0};
  if (lane.first >= lane.last) return sum;
  const typename Op::Column column = op.column(lane.channel);
  const std::int64_t step = lane.lanes;
  for (std::int64_t row = lane.first; row < lane.last; row += step * kAhead) {
    typename Op::Item items[kAhead] = {};
#pragma unroll
    for (std::int64_t k = 0; k < kAhead; ++k) {
      const std::int64_t r = row + k * step;
      if (r < lane.last)
        items[k] = op.load(column, r, r * grid.channels + lane.channel);
    }
    Pair few{0, 0};
#pragma unroll
    for (std::int64_t k = 0; k < kAhead; ++k) {
      const std::int64_t r = row + k * step;
      if (r >= lane.last) continue;
      const Pair one =
          op.use(column, items[k], r * grid.channels + lane.channel);
      few.a += one.a;
      few.b += one.b;
    }
    sum.a += static_cast<double>(few.a);
    sum.b += static_cast<double>(few.b);
  }
  return sum;
}

/// Sum over the lanes of each channel, in a fixed order; valid in lane 0.
__device__ inline PairSum lane_sum(PairSum value, unsigned width) {
  __shared__ double a[kThreads], b[kThreads];
  const unsigned i = threadIdx.x;
  a[i] = value.a;
  b[i] = value.b;
  __syncthreads();
  for (unsigned half = kThreads / 2; half >= width; half /= 2) {
    if (i < half) {
      a[i] += a[i + half];
      b[i] += b[i + half];
    }
    __syncthreads();
  }
  const PairSum total{a[i], b[i]};
  __syncthreads();  // the next call may write at once
  return total;
}

/// Whether this block is the last of `blocks` to come here; what the others
/// wrote before is then visible. Leaves the counter as it was, at zero.
__device__ inline bool last_to_arrive(unsigned* counter, unsigned blocks) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(counter, 1u) + 1 == blocks;
    if (last) *counter = 0;
  }
  __syncthreads();
  __threadfence();
  return last;
}

/// Each chunk leaves its sums; the last block of a tile adds them in the order
/// of chunks, whichever order they came in. False in all other blocks.
__device__ inline bool add_chunks(const ColumnGrid& grid,
                                  const ColumnScratch& scratch,
                                  const Lane& lane, PairSum* sum) {
  const std::int64_t pairs = 2 * static_cast<std::int64_t>(grid.width);
  // No `const double*`: reading must not go through a cache that does not
  // know what other blocks have written meanwhile.
  double* tile = scratch.partial + lane.tile * grid.chunks * pairs;
  if (lane.number == 0) {
    double* mine = tile + lane.chunk * pairs + lane.column;
    mine[0] = sum->a;
    mine[grid.width] = sum->b;
  }
  if (!last_to_arrive(scratch.arrived + lane.tile, grid.chunks)) return false;
  PairSum total{0, 0};
#pragma unroll 4
  for (unsigned chunk = lane.number; chunk < grid.chunks; chunk += lane.lanes) {
    double* from = tile + chunk * pairs + lane.column;
    total.a += from[0];
    total.b += from[grid.width];
  }
  *sum = lane_sum(total, grid.width);
  return true;
}

template <class Op>
struct ColumnSumArgs {
  ColumnGrid grid;
  ColumnScratch scratch;
  Op op;
};

template <class Op>
__global__ void column_sums_kernel(ColumnSumArgs<Op> args) {
  const Lane lane = lane_of(args.grid);
  PairSum sum = lane_sum(visit(args.op, args.grid, lane), args.grid.width);
  if (args.grid.chunks > 1 && !add_chunks(args.grid, args.scratch, lane, &sum))
    return;
  if (lane.number == 0 && lane.channel < args.grid.channels)
    args.op.finish(lane.channel, sum.a, sum.b);
}

template <class Op>
struct ColumnPassArgs {
  ColumnGrid grid;
  Op op;
};

template <class Op>
__global__ void column_pass_kernel(ColumnPassArgs<Op> args) {
  visit(args.op, args.grid, lane_of(args.grid));
}

/// More rows per lane would leave multiprocessors without a block, fewer would
/// leave the last block of a tile with many chunks to add.
constexpr std::int64_t kSumRows = 32;

template <class Op>
void column_sums(const char* name, std::int64_t bytes, std::int64_t rows,
                 std::int64_t channels, const Op& op,
                 const ColumnScratch& scratch, cudaStream_t stream) {
  const ColumnGrid grid =
      column_grid(rows, channels, kThreads, kSumRows, kPartialBlocks);
  launch<column_sums_kernel<Op>>(name, bytes, grid.blocks(), stream,
                                 ColumnSumArgs<Op>{grid, scratch, op});
}

template <class Op>
void column_pass(const char* name, std::int64_t bytes, std::int64_t rows,
                 std::int64_t channels, const Op& op, cudaStream_t stream) {
  const ColumnGrid grid =
      column_grid(rows, channels, kThreads, kAhead, kMostBlocks);
  launch<column_pass_kernel<Op>>(name, bytes, grid.blocks(), stream,
                                 ColumnPassArgs<Op>{grid, op});
}

/// Calls with a value of the number's storage type.
template <class Call>
void with_number(Number number, Call call) {
  if (number == Number::bfloat16)
    call(std::uint16_t{});
  else
    call(float{});
}

constexpr std::int64_t number_size(Number number) {
  return number == Number::bfloat16 ? 2 : 4;
}

}  // namespace vae::engine::cuda
