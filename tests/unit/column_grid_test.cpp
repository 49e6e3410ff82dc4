// Partition of matrices into blocks: every element is covered once, and sums
// never need more scratch memory than available.
#include <doctest/doctest.h>

#include <initializer_list>

#include "engine/cuda/indexing.hpp"

namespace vae::engine::cuda {
namespace {

constexpr std::int64_t kRows[]{1,   2,     3,     31,     64,      127,     128,
                               129, 12544, 50176, 262144, 1 << 24, 99999999};
constexpr std::int64_t kChannels[]{
    1,    2,    3,    5,     31,   32,   33,   64,    130,   4096,
    8447, 8448, 8449, 16896, 3136, 6272, 9000, 65536, 99999, 1 << 20};

TEST_CASE("tiles and chunks cover every element once") {
  for (const std::int64_t rows : kRows) {
    for (const std::int64_t channels : kChannels) {
      const ColumnGrid grid = column_grid(rows, channels, 128, 32, 528);
      CAPTURE(rows);
      CAPTURE(channels);
      CHECK_EQ(128 % grid.width, 0);
      CHECK_LE(grid.width, kTileChannels);
      CHECK_GE(std::int64_t{grid.tiles} * grid.width, channels);
      CHECK_LT(std::int64_t{grid.tiles - 1} * grid.width, channels);
      CHECK_GE(grid.chunks * grid.chunk_rows, rows);
      CHECK_LT((grid.chunks - 1) * grid.chunk_rows, rows);
    }
  }
}

TEST_CASE("blocks that share rows fit the scratch memory") {
  for (const std::int64_t rows : kRows) {
    for (const std::int64_t channels : kChannels) {
      const ColumnGrid grid =
          column_grid(rows, channels, 128, 32, kPartialBlocks);
      CAPTURE(rows);
      CAPTURE(channels);
      if (grid.chunks == 1) continue;
      CHECK_LE(grid.blocks(), kPartialBlocks);
      CHECK_LE(grid.tiles, kTileCounters);
    }
  }
}

TEST_CASE("work is split once a thread would have too many rows") {
  CHECK_EQ(column_grid(128, 64, 128, 32, 528).chunks, 1);
  CHECK_EQ(column_grid(129, 64, 128, 32, 528).chunks, 2);
  CHECK_EQ(column_grid(4096, 1, 128, 32, 528).chunks, 1);
  CHECK_EQ(column_grid(4097, 1, 128, 32, 528).chunks, 2);
  CHECK_EQ(column_grid(1 << 20, 64, 128, 32, 528).chunks, 264);
}

}  // namespace
}  // namespace vae::engine::cuda
