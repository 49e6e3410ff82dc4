// See loops.hpp. Inner loops are of fixed width, which compilers vectorise.
#include "engine/cpu/loops.hpp"

#include <algorithm>
#include <cmath>

#include "engine/math/latent.hpp"
#include "engine/math/likelihood.hpp"
#include "engine/math/normal.hpp"
#include "engine/math/pixels.hpp"

namespace vae::engine::cpu {
namespace {

constexpr std::int64_t kLanes = 16;

/// Float lanes that are added up in double, in order, at the end.
struct Lanes {
  float lane[kLanes] = {};
  double sum() const {
    double total = 0;
    for (const float value : lane) total += static_cast<double>(value);
    return total;
  }
};

/// Calls step(i, lane) for i in [0, n), kLanes at a time.
template <class Step>
[[gnu::always_inline]] inline void in_lanes(std::int64_t n, Step step) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t k = 0; k < kLanes; ++k) step(i + k, k);
  for (std::int64_t k = 0; i + k < n; ++k) step(i + k, k);
}

template <class Loss>
[[gnu::always_inline]] inline RowLoss row_loss(const float* output,
                                               const float* target,
                                               std::int64_t n, float* gradient,
                                               Loss loss) {
  Lanes recon, square;
  const auto visit = [&](std::int64_t i, std::int64_t k, float* slope) {
    const PixelLoss<float> pixel = loss(output[i], target[i]);
    const float d = pixel.mean - target[i];
    recon.lane[k] += pixel.loss;
    square.lane[k] += d * d;
    if (slope != nullptr) slope[i] = pixel.gradient;
  };
  if (gradient != nullptr)
    in_lanes(n, [&](std::int64_t i, std::int64_t k) { visit(i, k, gradient); });
  else
    in_lanes(n, [&](std::int64_t i, std::int64_t k) { visit(i, k, nullptr); });
  return {recon.sum(), square.sum()};
}

}  // namespace

VAE_CLONES void normal_row(const NoiseKey& key, std::uint32_t row,
                           std::int64_t width, float scale, float* out) {
  for (std::int64_t i = 0; i < width; i += 4) {
    float block[4];
    normal_block(key, row, static_cast<std::uint32_t>(i / 4), block);
    const std::int64_t last = std::min<std::int64_t>(4, width - i);
    for (std::int64_t k = 0; k < last; ++k) out[i + k] = scale * block[k];
  }
}

VAE_CLONES double latent_row(const float* heads, const float* noise,
                             std::int64_t latent, float* z) {
  Lanes kl;
  const float* logvar = heads + latent;
  in_lanes(latent, [&](std::int64_t i, std::int64_t k) {
    z[i] = reparameterise(heads[i], logvar[i], noise[i]);
    kl.lane[k] += kl_divergence(heads[i], logvar[i]);
  });
  return kl.sum();
}

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

VAE_CLONES RowLoss bernoulli_row(const float* logits, const float* target,
                                 std::int64_t n, float* gradient) {
  return row_loss(logits, target, n, gradient,
                  [](float l, float x) { return bernoulli_loss(l, x); });
}

VAE_CLONES RowLoss gaussian_row(const float* values, const float* target,
                                std::int64_t n, double sigma, float* gradient) {
  const auto precision = static_cast<float>(gaussian_precision(sigma));
  const auto norm = static_cast<float>(gaussian_norm(sigma));
  return row_loss(values, target, n, gradient, [=](float v, float x) {
    return gaussian_loss(v, x, precision, norm);
  });
}

VAE_CLONES double square_sum(const float* values, std::int64_t n) {
  double lane[kLanes] = {};
  in_lanes(n, [&](std::int64_t i, std::int64_t k) {
    const auto value = static_cast<double>(values[i]);
    lane[k] += value * value;
  });
  double total = 0;
  for (const double value : lane) total += value;
  return total;
}

VAE_CLONES void adam_chunk(const AdamStep<float>& step, const float* gradient,
                           std::int64_t n, float* __restrict param,
                           float* __restrict moment1,
                           float* __restrict moment2) {
  for (std::int64_t i = 0; i < n; ++i)
    adam(step, gradient[i], param + i, moment1 + i, moment2 + i);
}

void load_image(const void* row, ElementType type, vae::Layout layout,
                model::Extent image, float* to) {
  const std::int64_t n = image.size(), pixels = image.h * image.w;
  const bool reorder = layout == vae::Layout::chw && image.c > 1;
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

void store_row(const float* from, std::int64_t i, model::Extent image,
               bool logits, const RowTarget& to) {
  const auto stride =
      static_cast<std::uint64_t>(image.size()) * element_size(to.type);
  store_image(from, image, logits, to.type, to.layout,
              static_cast<std::byte*>(to.data) +
                  static_cast<std::uint64_t>(i) * stride);
}

}  // namespace vae::engine::cpu
