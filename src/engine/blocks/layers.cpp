// See layers.hpp.
#include "engine/blocks/layers.hpp"

#include "engine/blocks/columns.hpp"
#include "engine/blocks/shapes.hpp"

namespace vae::engine::blocks {
namespace {

constexpr std::array<std::int64_t, 2> kOnes{1, 1};  // padding, dilation

/// x [B, C, H, W] -> [B, O, H', W'], by LibTorch
at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight,
                    const at::Tensor& bias, const ConvShape& shape) {
  const std::array stride{shape.stride, shape.stride};
  const c10::optional<at::Tensor> with =
      bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt;
  return at::convolution(x, weight, with, stride, kOnes, kOnes,
                         shape.transposed, shape.output_padding, 1);
}

/// dy [B, O, H', W'], x [B, C, H, W] -> the requested ones of the derivatives
/// by input, weight and bias, by LibTorch
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

/// The shape of an ordinary convolution.
ConvShape plain(std::int64_t stride) { return {false, stride, {0, 0}}; }

/// Few channels would leave most SIMD lanes of oneDNN's convolution unused.
bool few(std::int64_t channels) { return channels <= 4; }

/// Without AVX-512, oneDNN has no brgemm for the derivatives by the weight, nor
/// for those by the input with a stride. im2col and GEMM are faster there.
bool columns_pay(const at::Tensor& x) {
  return x.scalar_type() != at::kBFloat16 && !has_avx512();
}

/// Derivative of a convolution by its input: dy [B, O, H, W], weight
/// [O, C, KH, KW] -> [B, C, height, width]
at::Tensor by_input(const at::Tensor& dy, const at::Tensor& weight,
                    std::int64_t stride, std::int64_t height,
                    std::int64_t width) {
  const std::int64_t channels = weight.size(1);
  if (few(channels) || (stride > 1 && columns_pay(dy)))
    return input_by_columns(dy, weight, stride, height, width);
  const at::Tensor rows =
      at::empty({dy.size(0), channels * height * width}, dy.options());
  // Only the sizes of the input are used.
  return differentiate(dy, as_image(rows, {channels, height, width}), weight,
                       plain(stride), {true, false, false})
      .input;
}

/// Derivative of a convolution by its weight: dy [B, O, H, W], x [B, C, h, w]
/// -> [O, C, KH, KW]; `like` has these sizes.
at::Tensor by_weight(const at::Tensor& dy, const at::Tensor& x,
                     const at::Tensor& like, std::int64_t stride) {
  if (!few(x.size(1)) && columns_pay(x))
    return weight_by_columns(dy, x, like.size(2), like.size(3), stride);
  return differentiate(dy, x, like, plain(stride), {false, true, false}).weight;
}

/// Height (axis 2) or width (axis 3) of a transposed convolution's output.
std::int64_t transposed_side(const at::Tensor& x, const at::Tensor& weight,
                             const ConvShape& shape, int axis) {
  return (x.size(axis) - 1) * shape.stride - 2 * kPadding + weight.size(axis) +
         shape.output_padding[static_cast<std::size_t>(axis - 2)];
}

}  // namespace

// With stride 2 a transposed convolution doubles a side. The last row or column
// of an odd side is the output padding.
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
  // On the CPU a transposed convolution is computed as the derivative of a
  // convolution by its input. LibTorch's own function runs slow reference code
  // for the bias, even if there is none.
  if (!shape.transposed || !x.is_cpu()) return convolve(x, weight, bias, shape);
  at::Tensor y =
      by_input(x, weight, shape.stride, transposed_side(x, weight, shape, 2),
               transposed_side(x, weight, shape, 3));
  if (bias.defined()) y.add_(bias.view({1, -1, 1, 1}));
  return y;
}

ConvGradient conv_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const ConvShape& shape,
                           bool want_input, bool want_bias) {
  if (!x.is_cpu())
    return differentiate(dy, x, weight, shape, {want_input, true, want_bias});
  ConvGradient g;
  // A transposed convolution is the derivative of a convolution by its input.
  // So its own derivative by the input is that convolution, and by the weight
  // the convolution's with input and gradient exchanged.
  if (shape.transposed) {
    if (want_input) g.input = convolve(dy, weight, {}, plain(shape.stride));
    g.weight = by_weight(x, dy, weight, shape.stride);
  } else {
    if (want_input)
      g.input = by_input(dy, weight, shape.stride, x.size(2), x.size(3));
    g.weight = by_weight(dy, x, weight, shape.stride);
  }
  if (want_bias) g.bias = dy.sum({0, 2, 3}, false, sum_type(dy));
  return g;
}

// y [B, out] = x [B, in] x weight^T [in, out] + bias [out]
at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& bias) {
  return bias.defined() ? at::addmm(bias, x, weight.t())
                        : at::mm(x, weight.t());
}

// dx [B, in] = dy [B, out] x weight; dweight [out, in] = dy^T x x [B, in]
LinearGradient linear_backward(const at::Tensor& dy, const at::Tensor& x,
                               const at::Tensor& weight, bool want_input,
                               bool want_bias) {
  return {want_input ? at::mm(dy, weight) : at::Tensor(), at::mm(dy.t(), x),
          want_bias ? dy.sum(0) : at::Tensor()};
}

// x -> y of the same shape, in place
at::Tensor activate(at::Tensor x, model::Activation kind) {
  switch (kind) {
    case model::Activation::none:
      break;
    case model::Activation::relu:
      at::relu_(x);
      break;
    case model::Activation::leaky_relu:
      at::leaky_relu_(x, model::kLeakySlope);
      break;
  }
  return x;
}

at::Tensor activation_backward(const at::Tensor& dy, const at::Tensor& y,
                               model::Activation kind) {
  switch (kind) {
    case model::Activation::none:
      break;
    case model::Activation::relu:
      return at::threshold_backward(dy, y, 0);
    case model::Activation::leaky_relu:
      // The slope is positive, so the output has the input's sign.
      return at::leaky_relu_backward(dy, y, model::kLeakySlope, true);
  }
  return dy;
}

}  // namespace vae::engine::blocks
