// What is done to one tile besides its product: moments, normalisation,
// activation, their derivatives, and the other orders in which later products
// want the same numbers. One tile at a time and without threads; sums run over
// a tile's rows from the first to the last.
#pragma once

#include <cstdint>

#include "engine/tile/products.hpp"
#include "model/plan.hpp"

namespace vae::engine::tile {

/// Of a tile as large as it is in use. Rows beyond `rows`, up to an even
/// number, are there and written as zero where a product would read them.
struct TileSize {
  std::int64_t rows, columns;
  std::int64_t capacity;  // rows that a transposed tile has room for
};

/// mean [columns] over the rows, and the sum of squared distances from it.
void moments(const float* y, TileSize size, float* mean, float* square);

/// What a layer does after its product, by column: y * scale + shift, then the
/// activation.
struct Affine {
  const float *scale, *shift;  // scale null: 1
  model::Activation activation;
};
/// y -> x [rows][columns].
template <class T>
void apply(const float* y, TileSize size, const Affine& affine, T* x);
/// x, of a multiple of 8 columns, -> [columns][capacity]; an odd number of rows
/// is followed by a zero.
template <class T>
void transpose(const T* x, TileSize size, T* to);
/// x -> [rows / 2][columns][2], the right side of a product. Of float, which
/// has no pairs, there is none.
void pair_rows(const Bf16* x, TileSize size, Bf16* to);

/// Backward of activation, in place: g, the derivative by its output, becomes
/// the one by its input, y * scale + shift.
void activation_backward(const float* y, TileSize size, const Affine& affine,
                         float* g);
/// The same of an activation whose output is at hand; g becomes `to`.
template <class T>
void output_backward(const float* g, const T* x, TileSize size,
                     model::Activation activation, T* to);
/// Sums over rows of g, and of g times the normalised y.
void norm_sums(const float* g, const float* y, TileSize size, const float* mean,
               const float* invstd, float* sum_g, float* sum_gx);
template <class T>
void column_sums(const T* g, TileSize size, float* sums);

/// BatchNorm's derivative by its input, per column: g, minus what the batch's
/// statistics take back, times a factor.
struct NormSlope {
  const float *mean, *invstd, *factor;  // factor: weight * invstd
  const float *mean_g, *mean_gx;
};
template <class T>
void norm_backward(const float* g, const float* y, TileSize size,
                   const NormSlope& slope, T* to);

/// The right side of a product from a matrix [rows][columns] of float, or from
/// its transpose [columns][rows]; rows are rounded up to even with zeros for
/// bfloat16.
template <class T>
void pack(const float* from, std::int64_t rows, std::int64_t columns, T* to);
template <class T>
void pack_transposed(const float* from, std::int64_t rows, std::int64_t columns,
                     T* to);

/// The way back to float, exact, for a left side and for a packed right side
/// with an even number of rows. `step`: numbers from row to row, of a right
/// side half of those from pair to pair. What comes out has no gaps.
void widen(const Bf16* from, std::int64_t step, TileSize size, float* to);
void unpack(const Bf16* from, std::int64_t step, TileSize size, float* to);

}  // namespace vae::engine::tile
