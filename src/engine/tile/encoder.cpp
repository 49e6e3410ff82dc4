// See encoder.hpp.
#include "engine/tile/encoder.hpp"

#include <array>
#include <cmath>

#include "engine/math/bfloat16.hpp"
#include "engine/tile/ends.hpp"

namespace vae::engine::tile {

template <class T>
void Encoder<T>::make_patches(const float* images) {
  const Taps& taps = c_.net.first;
  const std::int64_t c = c_.plan.image.c, size = c_.plan.image.size();
  const Map<T> patches = c_.seen(c_.work.patches, taps.pixels, taps.taps * c);
  c_.each_image([&](std::int64_t image, int) {
    const float* from = images + image * size;
    const std::int64_t row = image % c_.batch.rows;
    for (std::int64_t pixel = 0; pixel < taps.pixels; ++pixel) {
      T* to =
          patches.tile(image / c_.batch.rows, pixel, 0) + row * taps.taps * c;
      for (std::int64_t tap = 0; tap < taps.taps; ++tap) {
        const std::int64_t at = taps.at(pixel, tap);
        for (std::int64_t k = 0; k < c; ++k)
          write_number(to + tap * c + k, at < 0 ? 0.0f : from[at * c + k]);
      }
    }
  });
}

template <class T>
void Encoder<T>::forward(Mode mode) {
  for (std::size_t i = 0; i < c_.net.encoder.size(); ++i) {
    const Map<T>& x = i == 0 ? c_.work.patches : c_.work.encoder[i - 1].x;
    mode == Mode::training ? normed_forward(i, x) : running_forward(i, x);
  }
}

/// Product and its moments; the whole batch's; normalised and activated.
template <class T>
void Encoder<T>::normed_forward(std::size_t i, const Map<T>& x) {
  const Chain& chain = c_.net.encoder[i];
  Normed<T>& layer = c_.work.encoder[i];
  const std::int64_t n = chain.out_block;
  c_.each_tile(chain.out_pixels, chain.out_blocks, [&](const Spot& at, int) {
    float* y = layer.y.tile(at.images, at.pixel, at.block);
    forward_tile(chain, c_.operands, x, chain.geometry.by_out.of(at.pixel),
                 c_.rows_of(at), at, y);
    float* part = layer.part.tile(at.images, at.pixel, at.block);
    moments(y, c_.size_of(at, n), part, part + n);
    if (i == 0 && at.block == 0)
      transpose(x.tile(at.images, at.pixel, 0), c_.size_of(at, chain.in_block),
                c_.work.patches_transposed.tile(at.images, at.pixel, 0));
  });
  c_.team.run(chain.out_blocks,
              [&](std::int64_t block, int) { combine_moments(i, block); });
  c_.each_tile(chain.out_pixels, chain.out_blocks, [&](const Spot& at, int) {
    const TileSize size = c_.size_of(at, n);
    const auto first = static_cast<std::size_t>(at.block * n);
    T* out = layer.x.tile(at.images, at.pixel, at.block);
    apply(layer.y.tile(at.images, at.pixel, at.block), size,
          {&layer.scale[first], &layer.shift[first],
           c_.plan.encoder[i].activation},
          out);
    transpose(out, size, layer.transposed.tile(at.images, at.pixel, at.block));
  });
}

/// Mean and variance of the batch by channel from those of its tiles (Chan et
/// al. 1983), and what follows from them.
template <class T>
void Encoder<T>::combine_moments(std::size_t i, std::int64_t block) {
  const Chain& chain = c_.net.encoder[i];
  const model::Layer& spec = c_.plan.encoder[i];
  Normed<T>& layer = c_.work.encoder[i];
  const std::int64_t n = chain.out_block;
  const auto images = static_cast<float>(c_.batch.count);
  const auto all = static_cast<double>(c_.batch.count * chain.out_pixels);
  std::array<double, kMostColumns> mean{}, square{};
  const auto each_part = [&](auto visit) {
    for (std::int64_t b = 0; b < c_.batch.blocks(); ++b)
      for (std::int64_t p = 0; p < chain.out_pixels; ++p) {
        const float* part = layer.part.tile(b, p, block);
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
    layer.mean[c] = static_cast<float>(mu);
    layer.invstd[c] = static_cast<float>(invstd);
    layer.factor[c] = layer.scale[c] = weight * layer.invstd[c];
    layer.shift[c] =
        c_.param(spec.norm_bias)[channel] - layer.mean[c] * layer.scale[c];
    // The bias cancels before BatchNorm and was left out; PyTorch's running
    // mean has it.
    put(c_.batch_running(spec.running_mean) + channel,
        images * (layer.mean[c] + c_.param(spec.bias)[channel]), c_.accumulate);
    put(c_.batch_running(spec.running_var) + channel,
        images * static_cast<float>(var * all / (all - 1.0)), c_.accumulate);
  }
}

/// BatchNorm by the running statistics is an affine map, and goes into the
/// product's epilogue.
template <class T>
void Encoder<T>::running_forward(std::size_t i, const Map<T>& x) {
  const Chain& chain = c_.net.encoder[i];
  const model::Layer& spec = c_.plan.encoder[i];
  Normed<T>& layer = c_.work.encoder[i];
  for (std::int64_t k = 0; k < spec.out.c; ++k) {
    const auto c = static_cast<std::size_t>(k);
    const auto var = static_cast<double>(c_.running(spec.running_var)[k]);
    layer.scale[c] =
        static_cast<float>(static_cast<double>(c_.param(spec.norm_weight)[k]) /
                           std::sqrt(var + model::kNormEpsilon));
    layer.shift[c] =
        c_.param(spec.norm_bias)[k] +
        (c_.param(spec.bias)[k] - c_.running(spec.running_mean)[k]) *
            layer.scale[c];
  }
  const Map<T> in = c_.seen(x, chain.in_pixels, chain.in_block);
  const Map<T> out = c_.seen(layer.x, chain.out_pixels, chain.out_block);
  c_.each_output(chain, [&](const Spot& at, int w) {
    const auto first = static_cast<std::size_t>(at.block * chain.out_block);
    c_.product(chain, in, at, c_.scratch(w));
    apply(c_.scratch(w), c_.output_size(chain, at),
          {&layer.scale[first], &layer.shift[first], spec.activation},
          out.tile(at.images, at.pixel, at.block));
  });
}

/// Epilogue of a product that gave g, the derivative by a layer's output: back
/// through the activation, and the sums that BatchNorm's backward needs.
template <class T>
void Encoder<T>::backward_tile(std::size_t i, const Spot& at, float* g) {
  const std::int64_t n = c_.net.encoder[i].out_block;
  Normed<T>& layer = c_.work.encoder[i];
  const auto first = static_cast<std::size_t>(at.block * n);
  const float* y = layer.y.tile(at.images, at.pixel, at.block);
  float* part = layer.part.tile(at.images, at.pixel, at.block);
  activation_backward(
      y, c_.size_of(at, n),
      {&layer.scale[first], &layer.shift[first], c_.plan.encoder[i].activation},
      g);
  norm_sums(g, y, c_.size_of(at, n), &layer.mean[first], &layer.invstd[first],
            part, part + n);
}

template <class T>
void Encoder<T>::combine_norm_sums(std::size_t i, std::int64_t block) {
  const Chain& chain = c_.net.encoder[i];
  const model::Layer& spec = c_.plan.encoder[i];
  Normed<T>& layer = c_.work.encoder[i];
  const std::int64_t n = chain.out_block;
  const auto all = static_cast<double>(c_.batch.count * chain.out_pixels);
  std::array<double, kMostColumns> sum_g{}, sum_gx{};
  for (std::int64_t b = 0; b < c_.batch.blocks(); ++b)
    for (std::int64_t p = 0; p < chain.out_pixels; ++p) {
      const float* part = layer.part.tile(b, p, block);
      for (std::int64_t c = 0; c < n; ++c) {
        sum_g[static_cast<std::size_t>(c)] += static_cast<double>(part[c]);
        sum_gx[static_cast<std::size_t>(c)] += static_cast<double>(part[n + c]);
      }
    }
  for (std::int64_t k = 0; k < n; ++k) {
    const auto c = static_cast<std::size_t>(k);
    const auto at = static_cast<std::size_t>(block * n + k);
    layer.mean_g[at] = static_cast<float>(sum_g[c] / all);
    layer.mean_gx[at] = static_cast<float>(sum_gx[c] / all);
    put(c_.gradient(spec.norm_bias) + at, static_cast<float>(sum_g[c]),
        c_.accumulate);
    put(c_.gradient(spec.norm_weight) + at, static_cast<float>(sum_gx[c]),
        c_.accumulate);
    put(c_.gradient(spec.bias) + at, 0.0f, c_.accumulate);
  }
}

/// From g of layer i to the derivative by its product.
template <class T>
void Encoder<T>::norm_backward_phase(std::size_t i) {
  const Chain& chain = c_.net.encoder[i];
  const Normed<T>& layer = c_.work.encoder[i];
  const std::int64_t n = chain.out_block;
  c_.team.run(chain.out_blocks,
              [&](std::int64_t block, int) { combine_norm_sums(i, block); });
  const Map<float> g = c_.g_of(chain.out_pixels, chain.out_blocks, n);
  const Slope<T> dy = c_.dy_of(c_.slope, chain.out_pixels, chain.out_blocks, n);
  c_.each_tile(chain.out_pixels, chain.out_blocks, [&](const Spot& at, int) {
    const TileSize size = c_.size_of(at, n);
    const auto c = static_cast<std::size_t>(at.block * n);
    T* left = dy.left.tile(at.images, at.pixel, at.block);
    norm_backward(g.tile(at.images, at.pixel, at.block),
                  layer.y.tile(at.images, at.pixel, at.block), size,
                  {&layer.mean[c], &layer.invstd[c], &layer.factor[c],
                   &layer.mean_g[c], &layer.mean_gx[c]},
                  left);
    finish_slope(dy, at, size);
  });
}

/// Begins with g of the last layer, which the heads left.
template <class T>
void Encoder<T>::backward() {
  for (std::size_t i = c_.net.encoder.size(); i-- > 1;) {
    const Chain& chain = c_.net.encoder[i];
    norm_backward_phase(i);
    const Slope<T> dy =
        c_.dy_of(c_.slope, chain.out_pixels, chain.out_blocks, chain.out_block);
    const Map<float> g =
        c_.g_of(chain.in_pixels, chain.in_blocks, chain.in_block);
    c_.backward_phase(chain, c_.work.encoder[i - 1].transposed, dy.right(),
                      [&](const Spot& at, int) {
                        float* to = g.tile(at.images, at.pixel, at.block);
                        input_tile(chain, c_.operands, dy.left,
                                   chain.geometry.by_in.of(at.pixel),
                                   c_.rows_of(at), at, false, to);
                        backward_tile(i - 1, at, to);
                      });
  }
  norm_backward_phase(0);
  first_weight_gradient();
}

template <class T>
void Encoder<T>::first_weight_gradient() {
  const Chain& chain = c_.net.encoder.front();
  const Slope<T> dy =
      c_.dy_of(c_.slope, chain.out_pixels, chain.out_blocks, chain.out_block);
  end_weight_gradient(c_, chain, c_.work.patches_transposed, dy.right(),
                      c_.work.first_parts);
}

template class Encoder<float>;
template class Encoder<Bf16>;

}  // namespace vae::engine::tile
