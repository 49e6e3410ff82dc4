// The same numbers in another order or type, as GEMM operands: transposed
// tiles, pairs of rows for bfloat16, packed weights. One tile at a time and
// without threads.
#pragma once

#include <cstdint>

#include "engine/tile/maps.hpp"
#include "engine/tile/products.hpp"

namespace vae::engine::tile {

/// x [rows, columns], a multiple of 8 columns, -> [columns, capacity]; an odd
/// number of rows is followed by a zero.
template <class T>
void transpose(const T* x, TileSize size, T* to);
/// x [rows, columns] -> [rows / 2, columns, 2], a right operand in bfloat16. An
/// odd last row is paired with zeros.
void pair_rows(const Bf16* x, TileSize size, Bf16* to);

/// A right operand from a matrix [rows, columns] of float, or from its
/// transpose [columns, rows]; for bfloat16 rows are rounded up to even with
/// zeros.
template <class T>
void pack(const float* from, std::int64_t rows, std::int64_t columns, T* to);
template <class T>
void pack_transposed(const float* from, std::int64_t rows, std::int64_t columns,
                     T* to);

/// Back to float, exactly: a left operand, and a right one with an even number
/// of rows. `step`: numbers from row to row, for a right operand half of those
/// from pair to pair. The output has no gaps.
void widen(const Bf16* from, std::int64_t step, TileSize size, float* to);
void unpack(const Bf16* from, std::int64_t step, TileSize size, float* to);

}  // namespace vae::engine::tile
