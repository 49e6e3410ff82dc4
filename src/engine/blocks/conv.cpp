// See conv.hpp.
#include "engine/blocks/conv.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

namespace vae::engine::blocks {
namespace {

constexpr std::int64_t kPadding = 1;
constexpr std::array<std::int64_t, 2> kOnes{1, 1};  // padding, dilation

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias, const ConvShape& shape) {
  const std::array stride{shape.stride, shape.stride};
  const c10::optional<at::Tensor> with =
      bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt;
  return at::convolution(x, weight, with, stride, kOnes, kOnes,
                         shape.transposed, shape.output_padding, 1);
}

/// Derivatives by input, weight and bias, of those that are wanted.
ConvGradient differentiate(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const ConvShape& shape,
                           std::array<bool, 3> wanted) {
  const std::array stride{shape.stride, shape.stride};
  const std::array bias_size{weight.size(shape.transposed ? 1 : 0)};
  auto [input, dweight, bias] = at::convolution_backward(
      dy, x, weight, at::IntArrayRef(bias_size), stride, kOnes, kOnes,
      shape.transposed, shape.output_padding, 1, wanted);
  return {input, dweight, bias};
}

/// On the CPU a transposed convolution is computed as what it is: the
/// derivative of a convolution with the same weight by its input. LibTorch's
/// own adds a bias in slow reference code, even one that is not there.
bool through_convolution(const at::Tensor& x, const ConvShape& shape) {
  return shape.transposed && x.is_cpu();
}

/// The convolution whose derivative a transposed one is.
ConvShape convolution_of(const ConvShape& shape) {
  return {false, shape.stride, {0, 0}};
}

/// In what sums are formed.
at::ScalarType sum_type(const at::Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// Room for the output of a transposed convolution, [B, C, H, W] over
/// [B, H, W, C].
at::Tensor empty_output(const at::Tensor& x, const at::Tensor& weight,
                        const ConvShape& shape, at::ScalarType type) {
  const auto side = [&](int axis) {
    return (x.size(axis) - 1) * shape.stride - 2 * kPadding +
           weight.size(axis) +
           shape.output_padding[static_cast<std::size_t>(axis - 2)];
  };
  const std::int64_t c = weight.size(1), h = side(2), w = side(3);
  return at::empty_strided({x.size(0), c, h, w}, {h * w * c, 1, w * c, c},
                           x.options().dtype(type));
}

struct Window {
  std::int64_t in_h, in_w, out_h, out_w, channels, kernel_h, kernel_w, stride;
};

/// Adds columns [in_h, in_w, kernel_h, kernel_w, channels] of one image to its
/// output [out_h, out_w, channels], each where its tap points.
template <class T>
void add_columns(const T* columns, const Window& s, T* to) {
  std::fill_n(to, s.out_h * s.out_w * s.channels, T{0});
  for (std::int64_t y = 0; y < s.in_h; ++y)
    for (std::int64_t x = 0; x < s.in_w; ++x)
      for (std::int64_t ky = 0; ky < s.kernel_h; ++ky)
        for (std::int64_t kx = 0; kx < s.kernel_w; ++kx) {
          const T* from = columns;
          columns += s.channels;
          const std::int64_t row = y * s.stride + ky - kPadding;
          const std::int64_t column = x * s.stride + kx - kPadding;
          if (row < 0 || row >= s.out_h || column < 0 || column >= s.out_w)
            continue;
          T* pixel = to + (row * s.out_w + column) * s.channels;
          for (std::int64_t c = 0; c < s.channels; ++c) pixel[c] += from[c];
        }
}

/// The same of all images.
template <class T>
void add_all_columns(const at::Tensor& columns, const Window& window,
                     const at::Tensor& out) {
  const std::int64_t images = out.size(0);
  const std::int64_t step = columns.numel() / images;
  const std::int64_t size = out.numel() / images;
  const T* from = columns.data_ptr<T>();
  T* to = out.data_ptr<T>();
  at::parallel_for(0, images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      add_columns(from + i * step, window, to + i * size);
  });
}

/// A transposed convolution to very few channels: every product in one matrix,
/// which is then added up, in float32 at least. The vectors of a convolution
/// would be nearly empty.
at::Tensor transposed_to_few(const at::Tensor& x, const at::Tensor& weight,
                             const ConvShape& shape) {
  const std::int64_t in = weight.size(0), width = weight.numel() / in;
  const at::Tensor rows = x.permute({0, 2, 3, 1}).reshape({-1, in});
  const at::Tensor flat =
      weight.permute({0, 2, 3, 1}).reshape({in, width});  // [tap][channel]
  const at::Tensor columns = at::mm(rows, flat).to(sum_type(x)).contiguous();
  const at::Tensor out = empty_output(x, weight, shape, columns.scalar_type());
  const Window window{x.size(2),      x.size(3),   out.size(2),
                      out.size(3),    out.size(1), weight.size(2),
                      weight.size(3), shape.stride};
  sum_type(x) == at::kDouble ? add_all_columns<double>(columns, window, out)
                             : add_all_columns<float>(columns, window, out);
  return out.to(x.scalar_type());
}

at::Tensor transposed_forward(const at::Tensor& x, const at::Tensor& weight,
                              const ConvShape& shape) {
  constexpr std::int64_t kFew = 4;
  if (weight.size(1) <= kFew) return transposed_to_few(x, weight, shape);
  // Only its sizes are used.
  const at::Tensor place = empty_output(x, weight, shape, x.scalar_type());
  return differentiate(x, place, weight, convolution_of(shape),
                       {true, false, false})
      .input;
}

}  // namespace

ConvShape conv_shape(const model::Layer& layer) {
  ConvShape shape{
      layer.kind == model::LayerKind::conv_transposed, layer.stride, {0, 0}};
  if (shape.transposed)
    shape.output_padding = {layer.out.h - layer.stride * layer.in.h,
                            layer.out.w - layer.stride * layer.in.w};
  return shape;
}

at::Tensor conv_forward(const at::Tensor& x, const at::Tensor& weight,
                        const at::Tensor& bias, const ConvShape& shape) {
  if (!through_convolution(x, shape)) return convolve(x, weight, bias, shape);
  at::Tensor y = transposed_forward(x, weight, shape);
  if (bias.defined()) y.add_(bias.view({1, -1, 1, 1}));
  return y;
}

ConvGradient conv_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const ConvShape& shape,
                           bool want_input, bool want_bias) {
  if (!through_convolution(x, shape))
    return differentiate(dy, x, weight, shape, {want_input, true, want_bias});
  const ConvShape plain = convolution_of(shape);
  ConvGradient g;
  if (want_input) g.input = convolve(dy, weight, {}, plain);
  g.weight = differentiate(x, dy, weight, plain, {false, true, false}).weight;
  if (want_bias) g.bias = dy.sum({0, 2, 3}, false, sum_type(dy));
  return g;
}

}  // namespace vae::engine::blocks
