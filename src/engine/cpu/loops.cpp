// See loops.hpp. Inner loops are of fixed width, which compilers vectorise.
#include "engine/cpu/loops.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "engine/math/normal.hpp"
#include "engine/math/numbers.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine::cpu {
namespace {

constexpr std::int64_t kLanes = 16;
/// Terms of a lane that are added in float before the sum goes on in double.
/// The sum is then off by 13 roundings at most, 8e-7 of the terms' magnitudes,
/// whatever their number.
constexpr std::int64_t kTerms = 14;
/// The same of a gradient's rows: one sum in float for images of up to 32 x 32.
constexpr std::int64_t kRows = 1024;

typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef double Doubles __attribute__((vector_size(8 * kLanes)));

/// A sum in lanes.
struct Lanes {
  Floats few{};
  Doubles many{};

  VAE_INLINE void add(const float (&terms)[kLanes]) {
    Floats values;
    std::memcpy(&values, terms, sizeof values);
    few += values;
  }
  VAE_INLINE void widen() {
    many += __builtin_convertvector(few, Doubles);
    few = Floats{};
  }
  VAE_INLINE double sum() const {
    double lane[kLanes];
    std::memcpy(lane, &many, sizeof lane);
    for (std::int64_t half = kLanes / 2; half > 0; half /= 2)
      for (std::int64_t k = 0; k < half; ++k) lane[k] += lane[k + half];
    return lane[0];
  }
};

/// Calls step(i, number) for each kLanes elements of [0, n) and for the rest,
/// and widen() after at most kTerms calls. A whole number is a constant, so
/// that loops over it are of fixed width.
template <class Step, class Widen>
VAE_INLINE void in_lanes(std::int64_t n, Step step, Widen widen) {
  const std::integral_constant<std::int64_t, kLanes> whole;
  std::int64_t i = 0;
  while (i + kLanes <= n) {
    const std::int64_t last = std::min(n, i + kTerms * kLanes) - kLanes;
    for (; i <= last; i += kLanes) step(i, whole);
    widen();
  }
  if (i == n) return;
  step(i, n - i);
  widen();
}

// output, target [n] -> two sums, gradient [n] or null
// Both cases of `gradient` are compiled apart, so that the loop has no branch.
template <class Loss>
VAE_INLINE RowLoss row_loss(const float* output, const float* target,
                            std::int64_t n, float* __restrict gradient,
                            Loss loss) {
  Lanes recon, square;
  const auto visit = [&](std::int64_t first, auto count,
                         float* __restrict slope) {
    float losses[kLanes] = {}, squares[kLanes] = {};
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t i = first + k;
      const PixelLoss<float> pixel = loss(output[i], target[i]);
      const float d = pixel.mean - target[i];
      losses[k] = pixel.loss;
      squares[k] = d * d;
      if (slope != nullptr) slope[i] = pixel.gradient;
    }
    recon.add(losses);
    square.add(squares);
  };
  const auto widen = [&] { recon.widen(), square.widen(); };
  if (gradient != nullptr)
    in_lanes(
        n, [&](auto i, auto count) { visit(i, count, gradient); }, widen);
  else
    in_lanes(
        n, [&](auto i, auto count) { visit(i, count, nullptr); }, widen);
  return {recon.sum(), square.sum()};
}

}  // namespace

// -> out [width]
// Four normal numbers come from one Philox block, at any place of a row.
VAE_CLONES void normal_row(const NoiseKey& key, std::uint32_t row,
                           std::int64_t width, float scale, float* out) {
  for (std::int64_t i = 0; i < width; i += 4) {
    float block[4];
    normal_block(key, row, static_cast<std::uint32_t>(i / 4), block);
    const std::int64_t last = std::min<std::int64_t>(4, width - i);
    for (std::int64_t k = 0; k < last; ++k) out[i + k] = scale * block[k];
  }
}

// heads [2 * latent], noise [latent] -> z [latent], KL
VAE_CLONES double latent_row(const float* heads, const float* noise,
                             std::int64_t latent, float* __restrict z) {
  Lanes kl;
  const float* logvar = heads + latent;
  in_lanes(
      latent,
      [&](std::int64_t first, auto count) {
        float terms[kLanes] = {};
        for (std::int64_t k = 0; k < count; ++k) {
          const std::int64_t i = first + k;
          z[i] = reparameterise(heads[i], logvar[i], noise[i]);
          terms[k] = kl_divergence(heads[i], logvar[i]);
        }
        kl.add(terms);
      },
      [&] { kl.widen(); });
  return kl.sum();
}

// heads [2 * latent], noise, dz [latent] -> dheads [2 * latent]
VAE_CLONES void latent_gradient_row(const float* heads, const float* noise,
                                    const float* dz, std::int64_t latent,
                                    float kl_weight, float* dheads) {
  for (std::int64_t i = 0; i < latent; ++i) {
    const LatentSlope<float> slope =
        latent_slope(dz[i], heads[i], heads[latent + i], noise[i], kl_weight);
    dheads[i] = slope.mean;
    dheads[latent + i] = slope.logvar;
  }
}

// logits, target [n] -> sums of -log p and of squared errors, gradient [n]
VAE_CLONES RowLoss bernoulli_row(const float* logits, const float* target,
                                 std::int64_t n, float* gradient) {
  return row_loss(logits, target, n, gradient,
                  [](float l, float x) { return bernoulli_loss(l, x); });
}

// values, target [n] -> sums of -log p and of squared errors, gradient [n]
VAE_CLONES RowLoss gaussian_row(const float* values, const float* target,
                                std::int64_t n, double sigma, float* gradient) {
  const auto precision = static_cast<float>(gaussian_precision(sigma));
  const auto norm = static_cast<float>(gaussian_norm(sigma));
  return row_loss(values, target, n, gradient, [=](float v, float x) {
    return gaussian_loss(v, x, precision, norm);
  });
}

// output, target [n] -> recon, mse of the row, gradient [n]
void likelihood_row(const PixelLikelihood& likelihood, const float* output,
                    const float* target, std::int64_t n, float* gradient,
                    float* recon, float* mse) {
  const RowLoss loss =
      likelihood.kind == Likelihood::bernoulli
          ? bernoulli_row(output, target, n, gradient)
          : gaussian_row(output, target, n, likelihood.sigma, gradient);
  *recon = static_cast<float>(loss.recon);
  *mse = static_cast<float>(loss.square / static_cast<double>(n));
}

// values [n] -> sum of squares. In double at once: gradients may be large.
VAE_CLONES double square_sum(const float* values, std::int64_t n) {
  double lane[kLanes] = {};
  in_lanes(
      n,
      [&](std::int64_t first, auto count) {
        for (std::int64_t k = 0; k < count; ++k) {
          const auto value = static_cast<double>(values[first + k]);
          lane[k] += value * value;
        }
      },
      [] {});
  double total = 0;
  for (const double value : lane) total += value;
  return total;
}

// values [rows, columns] -> sums [columns], kLanes columns at a time
VAE_CLONES void row_sums(const Rows& in, bool add, float* __restrict sums) {
  for (std::int64_t first = 0; first < in.columns; first += kLanes) {
    const std::int64_t count = std::min(kLanes, in.columns - first);
    double many[kLanes] = {};
    for (std::int64_t row = 0; row < in.rows; row += kRows) {
      const std::int64_t end = std::min(in.rows, row + kRows);
      float few[kLanes] = {};
      for (std::int64_t r = row; r < end; ++r)
        for (std::int64_t k = 0; k < count; ++k)
          few[k] += in.values[r * in.step + first + k];
      for (std::int64_t k = 0; k < count; ++k)
        many[k] += static_cast<double>(few[k]);
    }
    for (std::int64_t k = 0; k < count; ++k)
      put(sums + first + k, static_cast<float>(many[k]), add);
  }
}

// gradient [n] -> param, moment1, moment2 [n]
VAE_CLONES void adam_chunk(const OptimizerStep<float>& step,
                           const float* gradient, std::int64_t n,
                           float* __restrict param, float* __restrict moment1,
                           float* __restrict moment2) {
  for (std::int64_t i = 0; i < n; ++i)
    adam(step, gradient[i], param + i, moment1 + i, moment2 + i);
}

// gradient [n] -> param, moment [n]
VAE_CLONES void sgd_chunk(const OptimizerStep<float>& step,
                          const float* gradient, std::int64_t n,
                          float* __restrict param, float* __restrict moment) {
  for (std::int64_t i = 0; i < n; ++i)
    sgd(step, gradient[i], param + i, moment + i);
}

// row [H, W, C] or [C, H, W] -> to [H, W, C]
void load_image(const void* row, ElementType type, vae::Layout layout,
                model::Extent image, float* to) {
  const std::int64_t n = image.size(), pixels = image.h * image.w;
  const bool reorder = layout == vae::Layout::chw && image.c > 1;
  // The type and order are chosen outside of the loops.
  const auto copy = [&](auto value) {
    if (!reorder) {
      for (std::int64_t i = 0; i < n; ++i) to[i] = value(i);
    } else {
      for (std::int64_t i = 0; i < n; ++i)
        to[i] = value(hwc_to_chw(i, image.c, pixels));
    }
  };
  if (type == ElementType::uint8) {
    const auto* from = static_cast<const std::uint8_t*>(row);
    copy([from](std::int64_t i) { return pixel_to_float(from[i]); });
  } else {
    const auto* from = static_cast<const float*>(row);
    copy([from](std::int64_t i) { return from[i]; });
  }
}

// from [H, W, C] -> to [H, W, C] or [C, H, W]
void store_image(const float* from, model::Extent image, bool logits,
                 ElementType type, vae::Layout layout, void* to) {
  const std::int64_t n = image.size(), pixels = image.h * image.w;
  const bool reorder = layout == vae::Layout::chw && image.c > 1;
  const auto place = [&](std::int64_t i) {
    return reorder ? hwc_to_chw(i, image.c, pixels) : i;
  };
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = logits ? logistic(from[i]) : from[i];
    if (type == ElementType::uint8)
      static_cast<std::uint8_t*>(to)[place(i)] = float_to_pixel(value);
    else
      static_cast<float*>(to)[place(i)] = value;
  }
}

// row i of the source -> to [H, W, C]
// A row of a dataset is found by its cursor, so that nothing is shuffled.
void load_row(const RowSource& from, std::int64_t i, model::Extent image,
              float* to) {
  const auto n_th = static_cast<std::uint64_t>(i);
  const std::uint64_t row =
      from.cursor != nullptr ? from.cursor->order(from.cursor->position + n_th)
                             : from.first + n_th;
  const auto stride =
      static_cast<std::uint64_t>(image.size()) * element_size(from.type);
  load_image(static_cast<const std::byte*>(from.data) + row * stride, from.type,
             from.layout, image, to);
}

// from [H, W, C] -> row i of the target
void store_row(const float* from, std::int64_t i, model::Extent image,
               bool logits, const RowTarget& to) {
  const auto stride =
      static_cast<std::uint64_t>(image.size()) * element_size(to.type);
  store_image(from, image, logits, to.type, to.layout,
              static_cast<std::byte*>(to.data) +
                  static_cast<std::uint64_t>(i) * stride);
}

}  // namespace vae::engine::cpu
