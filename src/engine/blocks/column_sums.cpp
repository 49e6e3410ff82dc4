// See column_sums.hpp.
#include "engine/blocks/column_sums.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "engine/blocks/shapes.hpp"

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

}  // namespace

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
