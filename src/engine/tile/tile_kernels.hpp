// What is done to one tile besides its GEMM. The epilogues: moments,
// normalisation, activation and their derivatives. And the same numbers in
// another order or type, as GEMMs read them: transposed tiles, pairs of rows
// for bfloat16, packed weights. One tile at a time and without threads; sums
// run over a tile's rows from the first to the last.
#pragma once

#include <cstdint>

#include "engine/tile/geometry.hpp"
#include "engine/tile/products.hpp"
#include "model/plan.hpp"

namespace vae::engine::tile {

// Epilogues.

/// y [rows, columns] -> mean [columns] over the rows, and the sum of squared
/// distances from it [columns].
void moments(const float* y, TileSize size, float* mean, float* square);

/// What a layer does after its GEMM, by column: y * scale + shift, then the
/// activation.
struct Affine {
  const float *scale, *shift;  // scale null: 1
  model::Activation activation;
};
/// y [rows, columns] -> x [rows, columns].
template <class T>
void apply(const float* y, TileSize size, const Affine& affine, T* x);

/// Backward of activation, in place: g [rows, columns], the gradient of its
/// output, becomes the gradient of its input, y * scale + shift.
void activation_backward(const float* y, TileSize size, const Affine& affine,
                         float* g);
/// The same from the activation's output x; g becomes `to`.
template <class T>
void output_backward(const float* g, const T* x, TileSize size,
                     model::Activation activation, T* to);
/// Sums over rows of g, and of g times the normalised y: two [columns].
void norm_sums(const float* g, const float* y, TileSize size, const float* mean,
               const float* invstd, float* sum_g, float* sum_gx);
/// g [rows, columns] -> sums [columns].
template <class T>
void column_sums(const T* g, TileSize size, float* sums);

/// BatchNorm's backward by column (Ioffe & Szegedy 2015):
/// factor * (g - mean_g - normalised y * mean_gx).
struct NormBackward {
  const float *mean, *invstd, *factor;  // factor: weight * invstd
  const float *mean_g, *mean_gx;        // over the whole batch
};
template <class T>
void norm_backward(const float* g, const float* y, TileSize size,
                   const NormBackward& norm, T* to);

// Order and type.

/// x [rows, columns], a multiple of 8 columns, -> [columns, capacity]; an odd
/// number of rows is followed by a zero.
template <class T>
void transpose(const T* x, TileSize size, T* to);
/// x [rows, columns] -> [rows / 2, columns, 2], a right matrix in bfloat16. An
/// odd last row is paired with zeros.
void pair_rows(const Bf16* x, TileSize size, Bf16* to);

/// A right matrix of a GEMM from a matrix [rows, columns] of float, or from its
/// transpose [columns, rows]; for bfloat16 rows are rounded up to even with
/// zeros.
template <class T>
void pack(const float* from, std::int64_t rows, std::int64_t columns, T* to);
template <class T>
void pack_transposed(const float* from, std::int64_t rows, std::int64_t columns,
                     T* to);

/// Back to float, exactly: a left matrix, and a right one with an even number
/// of rows. `step`: numbers from row to row, for a right matrix half of those
/// from pair to pair. The output has no gaps.
void widen(const Bf16* from, std::int64_t step, TileSize size, float* to);
void unpack(const Bf16* from, std::int64_t step, TileSize size, float* to);

}  // namespace vae::engine::tile
