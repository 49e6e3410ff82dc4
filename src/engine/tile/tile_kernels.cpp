// See tile_kernels.hpp. Columns are the inner loop and contiguous: compilers
// vectorise it, and no sum depends on how wide their vectors are.
#include "engine/tile/tile_kernels.hpp"

#include "engine/cpu/loops.hpp"
#include "engine/math/layer.hpp"
#include "engine/math/numbers.hpp"

namespace vae::engine::tile {
namespace {

using model::Activation;

// Calls body(forward, gradient) with the activation as a constant, so that the
// loops in it have no branch and are vectorised.
template <class Body>
VAE_INLINE void with_activation(Activation kind, Body body) {
  switch (kind) {
    case Activation::relu:
      return body([](float x) { return activate(x, Activation::relu); },
                  [](float d, float x) {
                    return activation_gradient(d, x, Activation::relu);
                  });
    case Activation::leaky_relu:
      return body([](float x) { return activate(x, Activation::leaky_relu); },
                  [](float d, float x) {
                    return activation_gradient(d, x, Activation::leaky_relu);
                  });
    case Activation::none:
      return body([](float x) { return x; }, [](float d, float) { return d; });
  }
}

// y [rows, columns] -> x [rows, columns], scale and shift [columns]
template <class T>
VAE_INLINE void apply_any(const float* __restrict y, TileSize size,
                          const Affine& affine, T* __restrict x) {
  const std::int64_t n = size.columns;
  with_activation(affine.activation, [&](auto active, auto) {
    for (std::int64_t r = 0; r < size.rows; ++r)
      if (affine.scale != nullptr)  // BatchNorm; else a bias alone
        for (std::int64_t c = 0; c < n; ++c)
          write_number(x + r * n + c, active(y[r * n + c] * affine.scale[c] +
                                             affine.shift[c]));
      else
        for (std::int64_t c = 0; c < n; ++c)
          write_number(x + r * n + c, active(y[r * n + c] + affine.shift[c]));
  });
}

// g, x [rows, columns] -> to [rows, columns]
// No columns are told apart, so a tile is one loop.
template <class T>
VAE_INLINE void output_backward_any(const float* __restrict g,
                                    const T* __restrict x, TileSize size,
                                    Activation activation, T* __restrict to) {
  const std::int64_t n = size.rows * size.columns;
  with_activation(activation, [&](auto, auto gradient) {
    for (std::int64_t i = 0; i < n; ++i)
      write_number(to + i, gradient(g[i], read_number(x[i])));
  });
}

// g [rows, columns] -> sums [columns]
template <class T>
VAE_INLINE void column_sums_any(const T* __restrict g, TileSize size,
                                float* __restrict sums) {
  for (std::int64_t c = 0; c < size.columns; ++c) sums[c] = 0;
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t c = 0; c < size.columns; ++c)
      sums[c] += read_number(g[r * size.columns + c]);
}

// g, y [rows, columns] -> to [rows, columns]
template <class T>
VAE_INLINE void norm_backward_any(const float* __restrict g,
                                  const float* __restrict y, TileSize size,
                                  const NormBackward& s, T* __restrict to) {
  const std::int64_t n = size.columns;
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t c = 0; c < n; ++c) {
      const std::int64_t i = r * n + c;
      const float normalised = normalise(y[i], s.mean[c], s.invstd[c]);
      write_number(to + i, s.factor[c] * (g[i] - s.mean_g[c] -
                                          normalised * s.mean_gx[c]));
    }
}

constexpr int kSquare = 8;  // rows and columns that are transposed at once

template <class T>
struct Vector;
template <>
struct Vector<float> {
  typedef float type __attribute__((vector_size(32), aligned(4), may_alias));
};
template <>
struct Vector<Bf16> {
  typedef Bf16 type __attribute__((vector_size(16), aligned(2), may_alias));
};

// Exchanges the upper half of `a` with the lower half of `b`, in every group of
// 2 * kStep elements. Steps 1, 2, 4 over all pairs of rows transpose 8 x 8 in
// registers.
template <int kStep, class V>
VAE_INLINE void exchange(V& a, V& b) {
  const V low = a, high = b;
#define LOW(k) ((k)&kStep ? kSquare + (k)-kStep : (k))
#define HIGH(k) ((k)&kStep ? kSquare + (k) : (k) + kStep)
  a = __builtin_shufflevector(low, high, LOW(0), LOW(1), LOW(2), LOW(3), LOW(4),
                              LOW(5), LOW(6), LOW(7));
  b = __builtin_shufflevector(low, high, HIGH(0), HIGH(1), HIGH(2), HIGH(3),
                              HIGH(4), HIGH(5), HIGH(6), HIGH(7));
#undef LOW
#undef HIGH
}

template <int kStep, class V>
VAE_INLINE void exchange_all(V (&rows)[kSquare]) {
  for (int i = 0; i < kSquare; ++i)
    if ((i & kStep) == 0) exchange<kStep>(rows[i], rows[i + kStep]);
}

// from [8, 8], rows from_step apart -> to [8, 8], rows to_step apart
template <class T>
VAE_INLINE void transpose_square(const T* from, std::int64_t from_step, T* to,
                                 std::int64_t to_step) {
  using V = typename Vector<T>::type;
  V rows[kSquare];
  for (int i = 0; i < kSquare; ++i)
    rows[i] = *reinterpret_cast<const V*>(from + i * from_step);
  exchange_all<1>(rows);
  exchange_all<2>(rows);
  exchange_all<4>(rows);
  for (int i = 0; i < kSquare; ++i)
    *reinterpret_cast<V*>(to + i * to_step) = rows[i];
}

// x [rows, columns] -> to [columns, capacity]
template <class T>
VAE_INLINE void transpose_any(const T* __restrict x, TileSize size,
                              T* __restrict to) {
  const std::int64_t n = size.columns, m = size.rows;
  const std::int64_t whole = m / kSquare * kSquare;
  // Columns outside: each line of `to` is written once, in order.
  for (std::int64_t c = 0; c < n; c += kSquare)
    for (std::int64_t r = 0; r < whole; r += kSquare)
      transpose_square(x + r * n + c, n, to + c * size.capacity + r,
                       size.capacity);
  for (std::int64_t c = 0; c < n; ++c)
    for (std::int64_t r = whole; r < m; ++r)
      to[c * size.capacity + r] = x[r * n + c];
  // The right partner of an odd last row: bfloat16 multiplies pairs.
  if (m % 2 != 0)
    for (std::int64_t c = 0; c < n; ++c) to[c * size.capacity + m] = T{};
}

// to [rows, columns] packed: the row that pairs with an odd last one
template <class T>
VAE_INLINE void zero_odd_row(std::int64_t rows, std::int64_t columns, T* to) {
  if (sizeof(T) == sizeof(float) || rows % 2 == 0) return;
  for (std::int64_t c = 0; c < columns; ++c)
    to[packed_index<T>(rows, c, columns)] = T{};
}

// from [rows, columns] -> to, packed
template <class T>
VAE_INLINE void pack_any(const float* __restrict from, std::int64_t rows,
                         std::int64_t columns, T* __restrict to) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      write_number(to + packed_index<T>(r, c, columns), from[r * columns + c]);
  zero_odd_row(rows, columns, to);
}

// from [columns, rows] -> to, packed [rows, columns]
template <class T>
VAE_INLINE void pack_transposed_any(const float* __restrict from,
                                    std::int64_t rows, std::int64_t columns,
                                    T* __restrict to) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      write_number(to + packed_index<T>(r, c, columns), from[c * rows + r]);
  zero_odd_row(rows, columns, to);
}

}  // namespace

// Epilogues.

// y [rows, columns] -> mean, square [columns]
// Two passes over a tile that is in the cache: squares of the distances do not
// cancel where the mean is large.
VAE_CLONES void moments(const float* y, TileSize size, float* __restrict mean,
                        float* __restrict square) {
  const std::int64_t n = size.columns;
  const float part = 1.0f / static_cast<float>(size.rows);
  for (std::int64_t c = 0; c < n; ++c) mean[c] = square[c] = 0;
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t c = 0; c < n; ++c) mean[c] += y[r * n + c];
  for (std::int64_t c = 0; c < n; ++c) mean[c] *= part;
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t c = 0; c < n; ++c) {
      const float d = y[r * n + c] - mean[c];
      square[c] += d * d;
    }
}

template <>
VAE_CLONES void apply(const float* y, TileSize size, const Affine& affine,
                      float* x) {
  apply_any(y, size, affine, x);
}
template <>
VAE_CLONES void apply(const float* y, TileSize size, const Affine& affine,
                      Bf16* x) {
  apply_any(y, size, affine, x);
}

// g [rows, columns] in place, from y [rows, columns]
// The activation's input is computed again: one multiplication and addition
// cost less than storing another tile.
VAE_CLONES void activation_backward(const float* __restrict y, TileSize size,
                                    const Affine& affine, float* __restrict g) {
  const std::int64_t n = size.columns;
  with_activation(affine.activation, [&](auto active, auto gradient) {
    for (std::int64_t r = 0; r < size.rows; ++r)
      for (std::int64_t c = 0; c < n; ++c) {
        const std::int64_t i = r * n + c;
        const float in = y[i] * affine.scale[c] + affine.shift[c];
        g[i] = gradient(g[i], active(in));
      }
  });
}

template <>
VAE_CLONES void output_backward(const float* g, const float* x, TileSize size,
                                Activation activation, float* to) {
  output_backward_any(g, x, size, activation, to);
}
template <>
VAE_CLONES void output_backward(const float* g, const Bf16* x, TileSize size,
                                Activation activation, Bf16* to) {
  output_backward_any(g, x, size, activation, to);
}

// g, y [rows, columns] -> sum_g, sum_gx [columns]
VAE_CLONES void norm_sums(const float* g, const float* y, TileSize size,
                          const float* mean, const float* invstd,
                          float* __restrict sum_g, float* __restrict sum_gx) {
  const std::int64_t n = size.columns;
  for (std::int64_t c = 0; c < n; ++c) sum_g[c] = sum_gx[c] = 0;
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t c = 0; c < n; ++c) {
      const float d = g[r * n + c];
      sum_g[c] += d;
      sum_gx[c] += d * normalise(y[r * n + c], mean[c], invstd[c]);
    }
}

template <>
VAE_CLONES void column_sums(const float* g, TileSize size, float* sums) {
  column_sums_any(g, size, sums);
}
template <>
VAE_CLONES void column_sums(const Bf16* g, TileSize size, float* sums) {
  column_sums_any(g, size, sums);
}

template <>
VAE_CLONES void norm_backward(const float* g, const float* y, TileSize size,
                              const NormBackward& norm, float* to) {
  norm_backward_any(g, y, size, norm, to);
}
template <>
VAE_CLONES void norm_backward(const float* g, const float* y, TileSize size,
                              const NormBackward& norm, Bf16* to) {
  norm_backward_any(g, y, size, norm, to);
}

// Order and type.

template <>
VAE_CLONES void transpose(const float* x, TileSize size, float* to) {
  transpose_any(x, size, to);
}
template <>
VAE_CLONES void transpose(const Bf16* x, TileSize size, Bf16* to) {
  transpose_any(x, size, to);
}

// x [rows, columns] -> to [rows / 2, columns, 2]
VAE_CLONES void pair_rows(const Bf16* __restrict x, TileSize size,
                          Bf16* __restrict to) {
  const std::int64_t n = size.columns;
  for (std::int64_t r = 0; r + 1 < size.rows; r += 2)
    for (std::int64_t c = 0; c < n; ++c) {
      to[r * n + 2 * c] = x[r * n + c];
      to[r * n + 2 * c + 1] = x[(r + 1) * n + c];
    }
  if (size.rows % 2 == 0) return;
  const std::int64_t r = size.rows - 1;
  for (std::int64_t c = 0; c < n; ++c) {
    to[r * n + 2 * c] = x[r * n + c];
    to[r * n + 2 * c + 1] = 0;
  }
}

template <>
VAE_CLONES void pack(const float* from, std::int64_t rows, std::int64_t columns,
                     float* to) {
  pack_any(from, rows, columns, to);
}
template <>
VAE_CLONES void pack(const float* from, std::int64_t rows, std::int64_t columns,
                     Bf16* to) {
  pack_any(from, rows, columns, to);
}

template <>
VAE_CLONES void pack_transposed(const float* from, std::int64_t rows,
                                std::int64_t columns, float* to) {
  // Only an odd latent length is no multiple of 8. In float packing is plain
  // transposition, so the fast one does it.
  if (rows % kSquare == 0 && columns % kSquare == 0)
    return transpose_any(from, {columns, rows, columns}, to);
  pack_transposed_any(from, rows, columns, to);
}
template <>
VAE_CLONES void pack_transposed(const float* from, std::int64_t rows,
                                std::int64_t columns, Bf16* to) {
  pack_transposed_any(from, rows, columns, to);
}

// from [rows, columns], rows `step` apart -> to [rows, columns]
VAE_CLONES void widen(const Bf16* __restrict from, std::int64_t step,
                      TileSize size, float* __restrict to) {
  for (std::int64_t i = 0; i < size.rows; ++i)
    for (std::int64_t j = 0; j < size.columns; ++j)
      to[i * size.columns + j] = from_bfloat16(from[i * step + j]);
}

// from [rows / 2, columns, 2] -> to [rows, columns]
VAE_CLONES void unpack(const Bf16* __restrict from, std::int64_t step,
                       TileSize size, float* __restrict to) {
  const std::int64_t n = size.columns;
  for (std::int64_t r = 0; r + 1 < size.rows; r += 2)
    for (std::int64_t c = 0; c < n; ++c) {
      to[r * n + c] = from_bfloat16(from[r * step + 2 * c]);
      to[(r + 1) * n + c] = from_bfloat16(from[r * step + 2 * c + 1]);
    }
}

}  // namespace vae::engine::tile
