// See tiles.hpp: the same numbers in another order or type, for products.
#include <algorithm>

#include "engine/cpu/loops.hpp"
#include "engine/math/bfloat16.hpp"
#include "engine/tile/tiles.hpp"

namespace vae::engine::tile {
namespace {

#define VAE_INLINE [[gnu::always_inline]] inline

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

/// Exchanges the upper part of `a` with the lower part of `b`, in every piece
/// of 2 x kStep elements: one step of a transposition.
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

template <class T>
VAE_INLINE void transpose_any(const T* __restrict x, TileSize size,
                              T* __restrict to) {
  const std::int64_t n = size.columns, m = size.rows;
  const std::int64_t whole = m / kSquare * kSquare;
  for (std::int64_t c = 0; c < n; c += kSquare)
    for (std::int64_t r = 0; r < whole; r += kSquare)
      transpose_square(x + r * n + c, n, to + c * size.capacity + r,
                       size.capacity);
  for (std::int64_t c = 0; c < n; ++c)
    for (std::int64_t r = whole; r < m; ++r)
      to[c * size.capacity + r] = x[r * n + c];
  if (m % 2 != 0)
    for (std::int64_t c = 0; c < n; ++c) to[c * size.capacity + m] = T{};
}

/// Where row r, column c of a product's right side lies.
VAE_INLINE std::int64_t place(const float*, std::int64_t r, std::int64_t c,
                              std::int64_t columns) {
  return r * columns + c;
}
VAE_INLINE std::int64_t place(const Bf16*, std::int64_t r, std::int64_t c,
                              std::int64_t columns) {
  return (r / 2 * columns + c) * 2 + r % 2;
}

template <class T>
VAE_INLINE void zero_odd_row(std::int64_t rows, std::int64_t columns, T* to) {
  if (sizeof(T) == sizeof(float) || rows % 2 == 0) return;
  for (std::int64_t c = 0; c < columns; ++c)
    to[place(to, rows, c, columns)] = T{};
}

template <class T>
VAE_INLINE void pack_any(const float* __restrict from, std::int64_t rows,
                         std::int64_t columns, T* __restrict to) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      write_number(to + place(to, r, c, columns), from[r * columns + c]);
  zero_odd_row(rows, columns, to);
}

template <class T>
VAE_INLINE void pack_transposed_any(const float* __restrict from,
                                    std::int64_t rows, std::int64_t columns,
                                    T* __restrict to) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      write_number(to + place(to, r, c, columns), from[c * rows + r]);
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
  // Multiples of 8 but for odd lengths of the code.
  if (rows % kSquare == 0 && columns % kSquare == 0)
    return transpose_any(from, {columns, rows, columns}, to);
  pack_transposed_any(from, rows, columns, to);
}
template <>
VAE_CLONES void pack_transposed(const float* from, std::int64_t rows,
                                std::int64_t columns, Bf16* to) {
  pack_transposed_any(from, rows, columns, to);
}

VAE_CLONES void widen(const Bf16* __restrict from, std::int64_t step,
                      TileSize size, float* __restrict to) {
  for (std::int64_t i = 0; i < size.rows; ++i)
    for (std::int64_t j = 0; j < size.columns; ++j)
      to[i * size.columns + j] = from_bfloat16(from[i * step + j]);
}

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
