// How a pass over a matrix [rows, channels] is cut into blocks and threads, and
// how much memory blocks need to meet. Integers only, no CUDA: launches and
// kernels both work from this.
#pragma once

#include <algorithm>
#include <cstdint>

namespace vae::engine::cuda {

constexpr std::int64_t kTileChannels = 32;    // most channels of one block
constexpr std::int64_t kPartialBlocks = 528;  // most that share one sum's rows
constexpr std::int64_t kTileCounters = kPartialBlocks / 2;

/// Blocks are tiles of `width` channels (a power of two) times chunks of rows;
/// in a block, threads are channels times lanes, each with every lanes-th row.
/// 32 neighbours are a full access to memory; more would cost lanes, and with
/// them the loads that wait together.
struct ColumnGrid {
  std::int64_t rows, channels, chunk_rows;
  unsigned width, tiles, chunks;
  std::int64_t blocks() const { return std::int64_t{tiles} * chunks; }
};

/// Chunks for about `rows_per_lane` rows to each thread, none of them empty.
/// There may be more than `most_blocks` blocks only where rows are not split.
inline ColumnGrid column_grid(std::int64_t rows, std::int64_t channels,
                              std::int64_t threads, std::int64_t rows_per_lane,
                              std::int64_t most_blocks) {
  std::int64_t width = 1;
  while (width < channels && width < kTileChannels) width *= 2;
  const std::int64_t tiles = (channels + width - 1) / width;
  const std::int64_t full = threads / width * rows_per_lane;
  const std::int64_t wanted =
      std::min((rows + full - 1) / full, most_blocks / tiles);
  const std::int64_t most = std::max<std::int64_t>(wanted, 1);
  const std::int64_t chunk_rows =
      std::max<std::int64_t>((rows + most - 1) / most, 1);
  const std::int64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
  return {rows,
          channels,
          chunk_rows,
          static_cast<unsigned>(width),
          static_cast<unsigned>(tiles),
          static_cast<unsigned>(chunks)};
}

}  // namespace vae::engine::cuda
