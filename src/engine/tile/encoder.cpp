// See phases.hpp. Variables as in BatchNorm's paper: y is the GEMM's output, x
// the layer's output, g the gradient of what the activation put out or took in.
#include <array>
#include <cmath>

#include "engine/math/numbers.hpp"
#include "engine/tile/phases.hpp"

namespace vae::engine::tile {

// images [B, H, W, C] -> patches [pixels] tiles [rows, taps * C]
// Padding is written as zero: a patch has the same taps at every pixel, so the
// first layer is one GEMM per pixel. T is float or bfloat16, rounded here.
template <class T>
void Encoder<T>::im2col(const float* images) {
  const Taps& taps = c_.net.first;
  const std::int64_t c = c_.plan.image.c, size = c_.plan.image.size();
  const Map<T> patches =
      c_.batch_view(c_.work.patches, taps.pixels, taps.taps * c);
  c_.each_image([&](std::int64_t image, int) {
    const float* from = images + image * size;
    const std::int64_t row = image % c_.batch.rows;
    for (std::int64_t pixel = 0; pixel < taps.pixels; ++pixel) {
      T* to =
          patches.tile(image / c_.batch.rows, pixel, 0) + row * taps.taps * c;
      for (std::int64_t tap = 0; tap < taps.taps; ++tap) {
        const std::int64_t at = taps.at(pixel, tap);  // -1: padding
        for (std::int64_t k = 0; k < c; ++k)
          write_number(to + tap * c + k, at < 0 ? 0.0f : from[at * c + k]);
      }
    }
  });
}

// patches -> encoder[i].x [out_pixels][out_blocks] tiles [rows, out_block]
template <class T>
void Encoder<T>::forward(Pass pass) {
  for (std::size_t i = 0; i < c_.net.encoder.size(); ++i) {
    const Map<T>& x = i == 0 ? c_.work.patches : c_.work.encoder[i - 1].x;
    pass == Pass::training ? forward_by_batch(i, x) : forward_by_running(i, x);
  }
}

// x [in_pixels][in_blocks] tiles [rows, in_block]
//   -> y, x [out_pixels][out_blocks] tiles [rows, out_block]
// Three phases, because BatchNorm's statistics need the whole batch: GEMM and
// moments of each tile; statistics of each channel; normalise and activate.
template <class T>
void Encoder<T>::forward_by_batch(std::size_t i, const Map<T>& x) {
  const TiledLayer& layer = c_.net.encoder[i];
  NormLayer<T>& norm = c_.work.encoder[i];
  const std::int64_t n = layer.out_block;
  c_.each_tile(
      layer.out_pixels, layer.out_blocks, [&](const TileIndex& at, int) {
        float* y = norm.y.tile(at);
        forward_tile(layer, c_.weights, x, layer.geometry.by_out.of(at.pixel),
                     c_.rows_of(at), at, y);
        float* part = norm.part.tile(at);
        moments(y, c_.size_of(at, n), part, part + n);
        // The weight's gradient reads the patches transposed. They are in the
        // cache now. Each pixel has one task with output block 0, so this is
        // done once.
        if (i == 0 && at.block == 0)
          transpose(
              x.tile(at.image_block, at.pixel, 0),
              c_.size_of(at, layer.in_block),
              c_.work.patches_transposed.tile(at.image_block, at.pixel, 0));
      });
  c_.team.run(layer.out_blocks,
              [&](std::int64_t block, int) { combine_moments(i, block); });
  c_.each_tile(layer.out_pixels, layer.out_blocks,
               [&](const TileIndex& at, int) {
                 const TileSize size = c_.size_of(at, n);
                 const auto first = static_cast<std::size_t>(at.block * n);
                 T* out = norm.x.tile(at);
                 apply(norm.y.tile(at), size,
                       {&norm.scale[first], &norm.shift[first],
                        c_.plan.encoder[i].activation},
                       out);
                 // For the next layer's weight gradient, while the tile is in
                 // the cache.
                 transpose(out, size, norm.transposed.tile(at));
               });
}

// part [image blocks][out_pixels] vectors [2, out_block] -> [out_block] each
// Mean and variance of the batch from those of its tiles (Chan et al. 1983):
// a sum of squares would cancel where the mean is large. In double, since there
// may be millions of tiles.
template <class T>
void Encoder<T>::combine_moments(std::size_t i, std::int64_t block) {
  const TiledLayer& layer = c_.net.encoder[i];
  const model::Layer& spec = c_.plan.encoder[i];
  NormLayer<T>& norm = c_.work.encoder[i];
  const std::int64_t n = layer.out_block;
  const auto images = static_cast<float>(c_.batch.count);
  const auto all = static_cast<double>(c_.batch.count * layer.out_pixels);
  std::array<double, kMostColumns> mean{}, square{};
  // Blocks and pixels in order: which task ran where changes no bit.
  const auto each_part = [&](auto visit) {
    for (std::int64_t b = 0; b < c_.batch.blocks(); ++b)
      for (std::int64_t p = 0; p < layer.out_pixels; ++p) {
        const float* part = norm.part.tile(b, p, block);
        const auto rows = static_cast<double>(c_.batch.rows_of(b));
        for (std::int64_t c = 0; c < n; ++c)
          visit(static_cast<std::size_t>(c), rows, static_cast<double>(part[c]),
                static_cast<double>(part[n + c]));
      }
  };
  each_part([&](std::size_t c, double rows, double m, double) {
    mean[c] += rows / all * m;
  });
  each_part([&](std::size_t c, double rows, double m, double s) {
    square[c] += s + rows * (m - mean[c]) * (m - mean[c]);
  });
  for (std::int64_t k = 0; k < n; ++k) {
    const std::int64_t channel = block * n + k;
    const auto c = static_cast<std::size_t>(channel);
    const double var = square[static_cast<std::size_t>(k)] / all;
    const double mu = mean[static_cast<std::size_t>(k)];
    const double invstd = 1.0 / std::sqrt(var + model::kNormEpsilon);
    const float weight = c_.param(spec.norm_weight)[channel];
    norm.mean[c] = static_cast<float>(mu);
    norm.invstd[c] = static_cast<float>(invstd);
    // x = weight * (y - mean) * invstd + bias as one multiplication and one
    // addition: scale * y + shift. The backward pass needs scale as factor.
    norm.factor[c] = norm.scale[c] = weight * norm.invstd[c];
    norm.shift[c] =
        c_.param(spec.norm_bias)[channel] - norm.mean[c] * norm.scale[c];
    // The bias cancels before BatchNorm and was left out; PyTorch's running
    // mean has it.
    put(c_.batch_running(spec.running_mean) + channel,
        images * (norm.mean[c] + c_.param(spec.bias)[channel]), c_.accumulate);
    // PyTorch normalises by var * n / n and stores var * n / (n - 1).
    put(c_.batch_running(spec.running_var) + channel,
        images * static_cast<float>(var * all / (all - 1.0)), c_.accumulate);
  }
}

// x [in_pixels][in_blocks] -> x [out_pixels][out_blocks], tiles or planes
// BatchNorm by the running statistics is an affine map, so it goes into the
// epilogue of the GEMM: one phase, and y is never stored.
template <class T>
void Encoder<T>::forward_by_running(std::size_t i, const Map<T>& x) {
  const TiledLayer& layer = c_.net.encoder[i];
  const model::Layer& spec = c_.plan.encoder[i];
  NormLayer<T>& norm = c_.work.encoder[i];
  for (std::int64_t k = 0; k < spec.out.c; ++k) {
    const auto c = static_cast<std::size_t>(k);
    const auto var = static_cast<double>(c_.running(spec.running_var)[k]);
    norm.scale[c] =
        static_cast<float>(static_cast<double>(c_.param(spec.norm_weight)[k]) /
                           std::sqrt(var + model::kNormEpsilon));
    // The convolution's bias is not in y; the running mean includes it.
    norm.shift[c] =
        c_.param(spec.norm_bias)[k] +
        (c_.param(spec.bias)[k] - c_.running(spec.running_mean)[k]) *
            norm.scale[c];
  }
  const Map<T> in = c_.batch_view(x, layer.in_pixels, layer.in_block);
  const Map<T> out = c_.batch_view(norm.x, layer.out_pixels, layer.out_block);
  c_.each_output(layer, [&](const TileIndex& at, int w) {
    const auto first = static_cast<std::size_t>(at.block * layer.out_block);
    c_.product(layer, in, at, c_.scratch(w));
    apply(c_.scratch(w), c_.output_size(layer, at),
          {&norm.scale[first], &norm.shift[first], spec.activation},
          out.tile(at));
  });
}

// g [rows, out_block] in place; part <- sums of g and of g * normalised y
// The sums overwrite the moments of the forward pass, which combine_moments()
// has already used.
template <class T>
void Encoder<T>::backward_tile(std::size_t i, const TileIndex& at, float* g) {
  const std::int64_t n = c_.net.encoder[i].out_block;
  NormLayer<T>& norm = c_.work.encoder[i];
  const auto first = static_cast<std::size_t>(at.block * n);
  const float* y = norm.y.tile(at);
  float* part = norm.part.tile(at);
  activation_backward(
      y, c_.size_of(at, n),
      {&norm.scale[first], &norm.shift[first], c_.plan.encoder[i].activation},
      g);
  norm_sums(g, y, c_.size_of(at, n), &norm.mean[first], &norm.invstd[first],
            part, part + n);
}

// part [image blocks][out_pixels] vectors [2, out_block] -> mean_g, mean_gx and
// the gradients of weight and bias [out_block]
template <class T>
void Encoder<T>::combine_norm_sums(std::size_t i, std::int64_t block) {
  const TiledLayer& layer = c_.net.encoder[i];
  const model::Layer& spec = c_.plan.encoder[i];
  NormLayer<T>& norm = c_.work.encoder[i];
  const std::int64_t n = layer.out_block;
  const auto all = static_cast<double>(c_.batch.count * layer.out_pixels);
  std::array<double, kMostColumns> sum_g{}, sum_gx{};
  for (std::int64_t b = 0; b < c_.batch.blocks(); ++b)
    for (std::int64_t p = 0; p < layer.out_pixels; ++p) {
      const float* part = norm.part.tile(b, p, block);
      for (std::int64_t c = 0; c < n; ++c) {
        sum_g[static_cast<std::size_t>(c)] += static_cast<double>(part[c]);
        sum_gx[static_cast<std::size_t>(c)] += static_cast<double>(part[n + c]);
      }
    }
  for (std::int64_t k = 0; k < n; ++k) {
    const auto c = static_cast<std::size_t>(k);
    const auto at = static_cast<std::size_t>(block * n + k);
    norm.mean_g[at] = static_cast<float>(sum_g[c] / all);
    norm.mean_gx[at] = static_cast<float>(sum_gx[c] / all);
    put(c_.gradient(spec.norm_bias) + at, static_cast<float>(sum_g[c]),
        c_.accumulate);
    put(c_.gradient(spec.norm_weight) + at, static_cast<float>(sum_gx[c]),
        c_.accumulate);
    // BatchNorm subtracts the mean, so the convolution's bias has no effect.
    put(c_.gradient(spec.bias) + at, 0.0f, c_.accumulate);
  }
}

// g [out_pixels][out_blocks] tiles [rows, out_block] -> dy, of the same shape
// Two phases: sums of the whole batch for each channel, then BatchNorm's
// backward of each tile.
template <class T>
void Encoder<T>::norm_backward_phase(std::size_t i) {
  const TiledLayer& layer = c_.net.encoder[i];
  const NormLayer<T>& norm = c_.work.encoder[i];
  const std::int64_t n = layer.out_block;
  c_.team.run(layer.out_blocks,
              [&](std::int64_t block, int) { combine_norm_sums(i, block); });
  const Map<float> g = c_.g_of(layer.out_pixels, layer.out_blocks, n);
  const Gradient<T> dy =
      c_.dy_of(c_.dy_index, layer.out_pixels, layer.out_blocks, n);
  c_.each_tile(layer.out_pixels, layer.out_blocks,
               [&](const TileIndex& at, int) {
                 const TileSize size = c_.size_of(at, n);
                 const auto c = static_cast<std::size_t>(at.block * n);
                 T* left = dy.left.tile(at);
                 norm_backward(g.tile(at), norm.y.tile(at), size,
                               {&norm.mean[c], &norm.invstd[c], &norm.factor[c],
                                &norm.mean_g[c], &norm.mean_gx[c]},
                               left);
                 fill_pairs(dy, at, size);
               });
}

// g of the last layer -> gradients of all of the encoder's parameters
// Per layer: BatchNorm's backward, then both gradients of the GEMM in one
// phase, whose epilogue begins the backward of the layer before.
template <class T>
void Encoder<T>::backward() {
  for (std::size_t i = c_.net.encoder.size(); i-- > 1;) {
    const TiledLayer& layer = c_.net.encoder[i];
    norm_backward_phase(i);
    const Gradient<T> dy = c_.dy_of(c_.dy_index, layer.out_pixels,
                                    layer.out_blocks, layer.out_block);
    const Map<float> g =
        c_.g_of(layer.in_pixels, layer.in_blocks, layer.in_block);
    c_.backward_phase(layer, c_.work.encoder[i - 1].transposed, dy.right(),
                      [&](const TileIndex& at, int) {
                        float* to = g.tile(at);
                        input_gradient_tile(layer, c_.weights, dy.left,
                                            layer.geometry.by_in.of(at.pixel),
                                            c_.rows_of(at), at, false, to);
                        backward_tile(i - 1, at, to);
                      });
  }
  // The gradient of the images is not needed, only that of the weight.
  norm_backward_phase(0);
  const TiledLayer& layer = c_.net.encoder.front();
  const Gradient<T> dy = c_.dy_of(c_.dy_index, layer.out_pixels,
                                  layer.out_blocks, layer.out_block);
  c_.split_weight_gradient(layer, c_.work.patches_transposed, dy.right(),
                           c_.work.first_parts);
}

template class Encoder<float>;
template class Encoder<Bf16>;

}  // namespace vae::engine::tile
