// See columns.hpp.
#include "engine/blocks/columns.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "engine/blocks/shapes.hpp"

namespace vae::engine::blocks {
namespace {

/// An image [h, w, channels] and the positions [rows, columns] of a kernel on
/// it.
struct Window {
  std::int64_t h, w, channels, rows, columns, kernel_h, kernel_w, stride;

  std::int64_t image() const { return h * w * channels; }
  std::int64_t places() const { return rows * columns; }
  std::int64_t row() const { return kernel_h * kernel_w * channels; }
};

/// Calls f(image offset, column offset, length) for each run that is contiguous
/// in both, and outside(column offset, length) for runs in the padding.
template <class F, class Outside>
void each_run(const Window& s, F f, Outside outside) {
  const std::int64_t row = s.kernel_w * s.channels;
  std::int64_t at = 0;
  for (std::int64_t top = -kPadding; top < s.rows * s.stride - kPadding;
       top += s.stride)
    for (std::int64_t left = -kPadding; left < s.columns * s.stride - kPadding;
         left += s.stride) {
      const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, s.kernel_w);
      const std::int64_t end = std::clamp(s.w - left, begin, s.kernel_w);
      for (std::int64_t y = top; y < top + s.kernel_h; ++y, at += row) {
        if (y < 0 || y >= s.h) {
          outside(at, row);
          continue;
        }
        outside(at, begin * s.channels);
        f((y * s.w + left + begin) * s.channels, at + begin * s.channels,
          (end - begin) * s.channels);
        outside(at + end * s.channels, row - end * s.channels);
      }
    }
}

/// Calls f(i) for each image, in parallel.
template <class F>
void each_image(std::int64_t images, F f) {
  at::parallel_for(0, images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

/// im2col: images [count, h, w, C] -> columns [count * rows * columns, KH*KW*C]
template <class T>
void gather(const T* images, const Window& s, std::int64_t count, T* columns) {
  each_image(count, [&](std::int64_t i) {
    const T* from = images + i * s.image();
    T* to = columns + i * s.places() * s.row();
    each_run(
        s,
        [&](std::int64_t pixel, std::int64_t at, std::int64_t length) {
          std::copy_n(from + pixel, length, to + at);
        },
        [&](std::int64_t at, std::int64_t length) {
          std::fill_n(to + at, length, T{0});
        });
  });
}

/// col2im: columns [count * rows * columns, KH*KW*C] -> images [count, h, w, C]
template <class T>
void add_up(const T* columns, const Window& s, std::int64_t count, T* images) {
  each_image(count, [&](std::int64_t i) {
    const T* from = columns + i * s.places() * s.row();
    T* to = images + i * s.image();
    std::fill_n(to, s.image(), T{0});
    each_run(
        s,
        [&](std::int64_t pixel, std::int64_t at, std::int64_t length) {
          for (std::int64_t k = 0; k < length; ++k)
            to[pixel + k] += from[at + k];
        },
        [](std::int64_t, std::int64_t) {});
  });
}

/// Calls f with a zero of the accumulator's type.
template <class F>
void with_sum_type(at::ScalarType type, F f) {
  type == at::kDouble ? f(double{0}) : f(float{0});
}

/// Splits the images into nearly equal parts and calls f(first, count) for
/// each. A part has at most `most` column elements, or one image.
template <class F>
void each_part(std::int64_t images, const Window& s, std::int64_t most, F f) {
  const std::int64_t fit =
      std::max<std::int64_t>(1, most / (s.places() * s.row()));
  const std::int64_t parts = (images + fit - 1) / fit;
  for (std::int64_t i = 0; i < parts; ++i) {
    const std::int64_t first = images * i / parts;
    f(first, images * (i + 1) / parts - first);
  }
}

/// [B, C, H, W] -> [B * H * W, C]
at::Tensor pixels(const at::Tensor& image) {
  return image.permute({0, 2, 3, 1}).reshape({-1, image.size(1)});
}

}  // namespace

// columns [B*H*W, KH*KW*C] = dy [B*H*W, O] x weight [O, KH*KW*C], then col2im
at::Tensor input_by_columns(const at::Tensor& dy, const at::Tensor& weight,
                            std::int64_t stride, std::int64_t height,
                            std::int64_t width, std::int64_t column_bytes) {
  const Window s{height,     width,          weight.size(1), dy.size(2),
                 dy.size(3), weight.size(2), weight.size(3), stride};
  const at::Tensor rows = pixels(dy);
  const at::Tensor taps =
      weight.permute({0, 2, 3, 1}).reshape({weight.size(0), s.row()});
  const at::Tensor out =
      at::empty({dy.size(0), s.image()}, dy.options().dtype(sum_type(dy)));
  each_part(dy.size(0), s, column_bytes / out.element_size(),
            [&](auto first, auto count) {
              const at::Tensor columns =
                  at::mm(rows.narrow(0, first * s.places(), count * s.places()),
                         taps)
                      .to(out.scalar_type());
              with_sum_type(out.scalar_type(), [&](auto zero) {
                using T = decltype(zero);
                add_up(columns.const_data_ptr<T>(), s, count,
                       out.data_ptr<T>() + first * s.image());
              });
            });
  return as_image(out.to(dy.scalar_type()), {s.channels, s.h, s.w});
}

// im2col of x, then dweight [O, KH*KW*C] += dy^T [O, B*H*W] x columns
at::Tensor weight_by_columns(const at::Tensor& dy, const at::Tensor& x,
                             std::int64_t kernel_height,
                             std::int64_t kernel_width, std::int64_t stride,
                             std::int64_t column_bytes) {
  const Window s{x.size(2),  x.size(3),     x.size(1),    dy.size(2),
                 dy.size(3), kernel_height, kernel_width, stride};
  const at::Tensor rows = pixels(dy), image = pixels(x).contiguous();
  const at::Tensor sum = at::zeros({dy.size(1), s.row()}, x.options());
  each_part(
      x.size(0), s, column_bytes / x.element_size(),
      [&](auto first, auto count) {
        const std::int64_t places = count * s.places();
        const at::Tensor columns = at::empty({places, s.row()}, x.options());
        with_sum_type(x.scalar_type(), [&](auto zero) {
          using T = decltype(zero);
          gather(image.const_data_ptr<T>() + first * s.image(), s, count,
                 columns.data_ptr<T>());
        });
        sum.addmm_(rows.narrow(0, first * s.places(), places).t(), columns);
      });
  return sum.view({dy.size(1), s.kernel_h, s.kernel_w, s.channels})
      .permute({0, 3, 1, 2});
}

}  // namespace vae::engine::blocks
