// See gemm_layers.hpp.
#include "engine/cuda/gemm_layers.hpp"

#include <gsl/gsl>

namespace vae::engine::cuda {

std::int32_t narrow(std::int64_t value) {
  return gsl::narrow<std::int32_t>(value);
}

// from [images, in.h, in.w, in.c] -> rows [images * out.h * out.w], of
// kernel * kernel taps with in.c numbers each
Gather convolution(const std::uint16_t* from, std::int64_t images,
                   const model::Extent& in, const model::Extent& out,
                   std::int64_t kernel, std::int64_t stride) {
  Gather g{};
  g.from = from, g.images = narrow(images);
  g.ih = narrow(in.h), g.iw = narrow(in.w), g.channels = narrow(in.c);
  g.gh = narrow(out.h), g.gw = narrow(out.w);
  g.stride = narrow(stride), g.step = 1;
  g.h0 = g.w0 = -1;  // padding
  g.taps_h = g.taps_w = narrow(kernel);
  g.by_places = Divisor(places(out)), g.by_width = Divisor(out.w);
  return g;
}

// from [images, columns] -> rows [images] of one tap with all columns
Gather rows(const std::uint16_t* from, std::int64_t images,
            std::int64_t columns) {
  Gather g = convolution(from, images, {columns}, {columns}, 1, 1);
  g.h0 = g.w0 = 0;
  return g;
}

// a [M, taps * channels] x weights [n, taps * channels]^T -> [M, n]
GemmArgs forward_args(const Gather& a, const std::uint16_t* weights,
                      std::int64_t n, const EpilogueArgs& epilogue) {
  GemmArgs p{};
  p.a = a, p.b = weights;
  p.m = a.images * a.gh * a.gw, p.n = narrow(n);
  p.taps = a.taps_h * a.taps_w, p.tap_r = a.taps_w, p.tap_s = 1;
  p.splits = 1;
  p.epilogue = epilogue;
  return p;
}

// from [images, out.h, out.w, out.c] -> [images, in.h, in.w, in.c]
// With stride 2 an output pixel is reached by every second tap only. Pixels of
// the same parity in both directions are reached by the same four taps: one
// phase each, a GEMM with 2 x 2 taps over a grid of half the side.
GemmArgs transposed_args(const std::uint16_t* from, std::int64_t images,
                         const model::Extent& out, const model::Extent& in,
                         std::int64_t kernel, std::int64_t stride,
                         const std::uint16_t* weights,
                         const EpilogueArgs& epilogue) {
  const bool phases = stride == 2;
  const model::Extent grid{in.c, phases ? (in.h + 1) / 2 : in.h,
                           phases ? (in.w + 1) / 2 : in.w};
  Gather a = convolution(from, images, out, grid, phases ? 2 : kernel, 1);
  a.step = -1;                   // taps go backward
  a.h0 = a.w0 = phases ? 0 : 1;  // a phase adds its own
  GemmArgs p = forward_args(a, weights, in.c, epilogue);
  p.taps = narrow(kernel * kernel);
  p.tap_r = phases ? 8 : narrow(kernel), p.tap_s = phases ? 2 : 1;
  p.phases = phases;
  p.oh = narrow(in.h), p.ow = narrow(in.w);
  return p;
}

EpilogueArgs partial_sums(float* out) {
  EpilogueArgs e{};
  e.kind = Epilogue::partial;
  e.out = out;
  return e;
}

}  // namespace vae::engine::cuda
