// Which element is whose, in integers and without CUDA: how a pass over a
// matrix [rows, channels] is cut into blocks and threads, and division by a
// number that is the same for a whole launch. The host that launches and the
// kernels both work from this.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/hd.hpp"

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

/// A multiplication and a shift on the device, where a division costs some
/// twenty instructions.
/// Exact for dividends n >= 0 with n * divisor < 2^40 and n / divisor < 2^24:
/// rounding the factor up adds n * divisor / 2^40 < 1 at most.
struct Divisor {
  std::uint64_t factor = 0;
  std::int32_t divisor = 1;

  Divisor() = default;
  explicit Divisor(std::int64_t by)
      : factor((std::uint64_t{1} << 40) / static_cast<std::uint64_t>(by) + 1),
        divisor(static_cast<std::int32_t>(by)) {}

  VAE_HD_MEMBER std::int32_t quotient(std::int32_t n) const {
    return static_cast<std::int32_t>(static_cast<std::uint64_t>(n) * factor >>
                                     40);
  }
};

}  // namespace vae::engine::cuda
