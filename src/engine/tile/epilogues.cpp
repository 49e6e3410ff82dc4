// See epilogues.hpp. Columns are the inner loop and contiguous: compilers
// vectorise it, and no sum depends on how wide their vectors are.
#include "engine/tile/epilogues.hpp"

#include "engine/cpu/loops.hpp"
#include "engine/math/bfloat16.hpp"
#include "engine/math/fused.hpp"

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

}  // namespace

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

}  // namespace vae::engine::tile
