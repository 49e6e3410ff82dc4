// See tiles.hpp. Columns are the inner loop and contiguous: compilers vectorise
// it, and no sum depends on how wide their vectors are.
#include "engine/tile/tiles.hpp"

#include "engine/cpu/loops.hpp"
#include "engine/math/bfloat16.hpp"
#include "engine/math/fused.hpp"

namespace vae::engine::tile {
namespace {

using model::Activation;

#define VAE_INLINE [[gnu::always_inline]] inline

/// Calls body with the activation as a constant, so that loops hold no choice.
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

template <class T>
VAE_INLINE void apply_any(const float* __restrict y, TileSize size,
                          const Affine& affine, T* __restrict x) {
  const std::int64_t n = size.columns;
  with_activation(affine.activation, [&](auto active, auto) {
    for (std::int64_t r = 0; r < size.rows; ++r)
      if (affine.scale != nullptr)
        for (std::int64_t c = 0; c < n; ++c)
          write_number(x + r * n + c, active(y[r * n + c] * affine.scale[c] +
                                             affine.shift[c]));
      else
        for (std::int64_t c = 0; c < n; ++c)
          write_number(x + r * n + c, active(y[r * n + c] + affine.shift[c]));
  });
}

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

template <class T>
VAE_INLINE void column_sums_any(const T* __restrict g, TileSize size,
                                float* __restrict sums) {
  for (std::int64_t c = 0; c < size.columns; ++c) sums[c] = 0;
  for (std::int64_t r = 0; r < size.rows; ++r)
    for (std::int64_t c = 0; c < size.columns; ++c)
      sums[c] += read_number(g[r * size.columns + c]);
}

template <class T>
VAE_INLINE void norm_backward_any(const float* __restrict g,
                                  const float* __restrict y, TileSize size,
                                  const NormSlope& s, T* __restrict to) {
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
                              const NormSlope& slope, float* to) {
  norm_backward_any(g, y, size, slope, to);
}
template <>
VAE_CLONES void norm_backward(const float* g, const float* y, TileSize size,
                              const NormSlope& slope, Bf16* to) {
  norm_backward_any(g, y, size, slope, to);
}

}  // namespace vae::engine::tile
