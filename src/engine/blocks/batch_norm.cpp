// See batch_norm.hpp.
#include "engine/blocks/batch_norm.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "model/plan.hpp"

namespace vae::engine::blocks {
namespace {

constexpr std::int64_t kFew = 1 << 16;  // pixels
constexpr std::int64_t kChunk = 4096;   // pixels per task
constexpr std::int64_t kColumns = 16;   // channels summed at once, in registers

/// [B, C, H, W] -> [B * H * W, C], contiguous.
at::Tensor pixels(const at::Tensor& image) {
  return image.permute({0, 2, 3, 1}).reshape({-1, image.size(1)}).contiguous();
}

/// Sums over pixels [first, first + count) -> sums [2, channels]. term(i, c, a,
/// b) adds element i of channel c to *a and *b.
template <class Term>
void add_chunk(std::int64_t first, std::int64_t count, std::int64_t channels,
               Term term, double* sums) {
  for (std::int64_t c0 = 0; c0 < channels; c0 += kColumns) {
    const std::int64_t n = std::min(kColumns, channels - c0);
    double a[kColumns] = {}, b[kColumns] = {};
    for (std::int64_t p = first; p < first + count; ++p)
      for (std::int64_t k = 0; k < n; ++k)
        term(p * channels + c0 + k, c0 + k, a + k, b + k);
    std::copy_n(a, n, sums + c0);
    std::copy_n(b, n, sums + channels + c0);
  }
}

/// The same over all pixels. Chunks are summed in order, so the result does not
/// depend on the number of threads.
template <class Term>
ColumnSums add_up(std::int64_t count, std::int64_t channels, Term term) {
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  const at::Tensor parts = at::empty({chunks, 2, channels}, at::kDouble);
  auto* part = parts.data_ptr<double>();
  at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      add_chunk(i * kChunk, std::min(kChunk, count - i * kChunk), channels,
                term, part + i * 2 * channels);
  });
  for (std::int64_t i = 1; i < chunks; ++i)
    for (std::int64_t k = 0; k < 2 * channels; ++k)
      part[k] += part[i * 2 * channels + k];
  return {parts[0][0].clone(), parts[0][1].clone()};
}

/// [C] -> [1, C, 1, 1], to broadcast over images.
at::Tensor by_channel(const at::Tensor& values) {
  return values.to(at::kFloat).view({1, -1, 1, 1});
}

/// norm_forward() with sums in double: x [B, C, H, W], weight and bias [C].
NormResult forward_of_many(const at::Tensor& x, const at::Tensor& weight,
                           const at::Tensor& bias) {
  const auto count = static_cast<double>(x.numel() / x.size(1));
  const ColumnSums sums = moments(x);
  const at::Tensor var = sums.second / count;
  NormResult f;
  f.mean = (sums.first / count).to(at::kFloat);
  f.unbiased_var = (sums.second / (count - 1)).to(at::kFloat);
  f.saved_mean = f.mean;
  f.saved_invstd = (var + model::kNormEpsilon).rsqrt().to(at::kFloat);
  f.out = norm_running(x, weight, bias, f.mean, var.to(at::kFloat));
  return f;
}

/// norm_backward() with sums in double: dy, x [B, C, H, W], weight [C].
NormGradient backward_of_many(const at::Tensor& dy, const at::Tensor& x,
                              const at::Tensor& weight,
                              const NormResult& forward) {
  const auto count = static_cast<double>(x.numel() / x.size(1));
  const at::Tensor &mean = forward.saved_mean, &invstd = forward.saved_invstd;
  const ColumnSums sums = norm_sums(dy, x, mean, invstd);
  // dx = weight * invstd * (dy - mean(dy) - xhat * mean(dy * xhat)), where
  // xhat = (x - mean) * invstd: linear in x and dy per channel.
  const at::Tensor factor = (weight * invstd).to(at::kDouble);
  const at::Tensor by_x =
      -factor * invstd.to(at::kDouble) * (sums.second / count);
  const at::Tensor shift =
      -factor * (sums.first / count) - by_x * mean.to(at::kDouble);
  at::Tensor input = at::addcmul(by_channel(shift), x, by_channel(by_x));
  input.addcmul_(dy, by_channel(factor));
  return {input, sums.second.to(at::kFloat), sums.first.to(at::kFloat)};
}

}  // namespace

// x [B, C, H, W], weight and bias [C] -> out [B, C, H, W], statistics [C]
NormResult norm_forward(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias) {
  if (has_many_pixels(x)) return forward_of_many(x, weight, bias);
  NormResult f;
  // With momentum 1, LibTorch's "running" statistics are the batch's own, in
  // PyTorch's convention (unbiased variance).
  f.mean = at::zeros_like(weight);
  f.unbiased_var = at::zeros_like(weight);
  std::tie(f.out, f.saved_mean, f.saved_invstd) = at::native_batch_norm(
      x, weight, bias, f.mean, f.unbiased_var, true, 1.0, model::kNormEpsilon);
  return f;
}

// dy, x [B, C, H, W] -> dx [B, C, H, W], dweight and dbias [C]
NormGradient norm_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight,
                           const NormResult& forward) {
  if (has_many_pixels(x)) return backward_of_many(dy, x, weight, forward);
  auto [input, dweight, bias] = at::native_batch_norm_backward(
      dy, x, weight, {}, {}, forward.saved_mean, forward.saved_invstd, true,
      model::kNormEpsilon, {true, true, true});
  return {input, dweight, bias};
}

// x [B, C, H, W], the others [C] -> [B, C, H, W]
at::Tensor norm_running(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const at::Tensor& mean,
                        const at::Tensor& var) {
  return std::get<0>(at::native_batch_norm(x, weight, bias, mean, var, false,
                                           0.0, model::kNormEpsilon));
}

bool has_many_pixels(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 4 &&
         x.numel() / x.size(1) > kFew;
}

// x [B, C, H, W] -> sums [C] of x and of (x - mean)^2
ColumnSums moments(const at::Tensor& x) {
  const at::Tensor rows = pixels(x);
  const auto* from = rows.const_data_ptr<float>();
  // Subtracting the first pixel avoids cancellation in the variance if the mean
  // is far from zero.
  ColumnSums sums =
      add_up(rows.size(0), rows.size(1),
             [=](std::int64_t at, std::int64_t column, double* a, double* b) {
               const double d = double{from[at]} - double{from[column]};
               *a += d;
               *b += d * d;
             });
  const auto count = static_cast<double>(rows.size(0));
  sums.second -= sums.first * sums.first / count;
  sums.first += rows[0].to(at::kDouble) * count;
  return sums;
}

// dy, x [B, C, H, W], mean and invstd [C] -> sums [C] of dy and of dy * xhat
ColumnSums norm_sums(const at::Tensor& dy, const at::Tensor& x,
                     const at::Tensor& mean, const at::Tensor& invstd) {
  const at::Tensor g = pixels(dy), rows = pixels(x);
  const auto *slope = g.const_data_ptr<float>(),
             *from = rows.const_data_ptr<float>();
  const auto *middle = mean.const_data_ptr<float>(),
             *scale = invstd.const_data_ptr<float>();
  return add_up(
      rows.size(0), rows.size(1),
      [=](std::int64_t at, std::int64_t column, double* a, double* b) {
        const float normal = (from[at] - middle[column]) * scale[column];
        *a += double{slope[at]};
        *b += double{slope[at]} * double{normal};
      });
}

}  // namespace vae::engine::blocks
