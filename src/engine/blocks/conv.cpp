// See conv.hpp.
#include "engine/blocks/conv.hpp"

namespace vae::engine::blocks {
namespace {

constexpr std::array<std::int64_t, 2> kOnes{1, 1};  // padding, dilation

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
  const std::array stride{shape.stride, shape.stride};
  const c10::optional<at::Tensor> with =
      bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt;
  return at::convolution(x, weight, with, stride, kOnes, kOnes,
                         shape.transposed, shape.output_padding, 1);
}

ConvGradient conv_backward(const at::Tensor& dy, const at::Tensor& x,
                           const at::Tensor& weight, const ConvShape& shape,
                           bool want_input, bool want_bias) {
  const std::array stride{shape.stride, shape.stride};
  const std::array bias_size{weight.size(shape.transposed ? 1 : 0)};
  auto [input, dweight, bias] = at::convolution_backward(
      dy, x, weight, at::IntArrayRef(bias_size), stride, kOnes, kOnes,
      shape.transposed, shape.output_padding, 1, {want_input, true, want_bias});
  return {input, dweight, bias};
}

}  // namespace vae::engine::blocks
