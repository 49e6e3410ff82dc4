// See packing.hpp. Compiled for several instruction sets; no sum is formed
// here.
#include "engine/tile/packing.hpp"

#include <algorithm>

#include "engine/cpu/loops.hpp"
#include "engine/math/bfloat16.hpp"

namespace vae::engine::tile {
namespace {

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
