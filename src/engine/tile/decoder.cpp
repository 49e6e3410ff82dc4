// See decoder.hpp.
#include "engine/tile/decoder.hpp"

#include "engine/cpu/loops.hpp"
#include "engine/math/bfloat16.hpp"
#include "engine/tile/ends.hpp"

namespace vae::engine::tile {

template <class T>
void Decoder<T>::forward(Mode mode) {
  const std::size_t last = c_.net.decoder.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const Chain& chain = c_.net.decoder[i];
    const float* bias = c_.param(c_.plan.decoder[i].bias);
    const Map<T> in = input(i), out = input(i + 1);
    c_.each_output(chain, [&](const Spot& at, int w) {
      const TileSize size = c_.output_size(chain, at);
      c_.product(chain, in, at, c_.scratch(w));
      T* x = out.tile(at.images, at.pixel, at.block);
      apply(c_.scratch(w), size,
            {nullptr, bias + at.block * chain.out_block,
             c_.plan.decoder[i].activation},
            x);
      if (mode == Mode::training)
        transpose(x, size,
                  c_.work.decoder_in_transposed[i + 1].tile(at.images, at.pixel,
                                                            at.block));
    });
  }
  const Chain& chain = c_.net.decoder[last];
  const Map<T> in = input(last);
  const Map<float> out = columns();
  c_.each_output(chain, [&](const Spot& at, int) {
    c_.product(chain, in, at, out.tile(at.images, at.pixel, 0));
  });
}

template <class T>
Map<T> Decoder<T>::input(std::size_t layer) const {
  const Chain& chain = c_.net.decoder[layer];
  return c_.seen(c_.work.decoder_in[layer], chain.in_pixels, chain.in_block);
}

template <class T>
Map<float> Decoder<T>::columns() const {
  const Chain& chain = c_.net.decoder.back();
  return c_.seen(c_.work.columns, chain.out_pixels, chain.out_block);
}

template <class T>
void Decoder<T>::add_up(std::int64_t image, float* output) const {
  const Taps& taps = c_.net.last;
  const std::int64_t c = c_.plan.image.c, size = c_.plan.image.size();
  const float* bias = c_.param(c_.plan.decoder.back().bias);
  for (std::int64_t i = 0; i < size; ++i) output[i] = bias[i % c];
  const std::int64_t row = image % c_.batch.rows;
  const Map<float> all = columns();
  for (std::int64_t pixel = 0; pixel < taps.pixels; ++pixel) {
    const float* from =
        all.tile(image / c_.batch.rows, pixel, 0) + row * taps.taps * c;
    for (std::int64_t tap = 0; tap < taps.taps; ++tap) {
      const std::int64_t at = taps.at(pixel, tap);
      if (at < 0) continue;
      for (std::int64_t k = 0; k < c; ++k)
        output[at * c + k] += from[tap * c + k];
    }
  }
}

template <class T>
void Decoder<T>::losses(const float* images) {
  const std::int64_t size = c_.plan.image.size(), c = c_.plan.image.c;
  c_.each_image([&](std::int64_t image, int worker) {
    float* output = c_.scratch(worker);
    float* slope = output + size;
    const float* target = images + image * size;
    add_up(image, output);
    const cpu::RowLoss loss =
        c_.config.likelihood == Likelihood::bernoulli
            ? cpu::bernoulli_row(output, target, size, slope)
            : cpu::gaussian_row(output, target, size, c_.config.gaussian_sigma,
                                slope);
    *c_.work.rows_of(c_.work.recon, image, 1) = static_cast<float>(loss.recon);
    *c_.work.rows_of(c_.work.mse, image, 1) =
        static_cast<float>(loss.square / static_cast<double>(size));
    cpu::row_sums({slope, size / c, c, c}, false,
                  c_.work.rows_of(c_.work.image_bias, image, c));
    spread(image, slope);
  });
  image_bias_gradient();
}

/// The slope of an output pixel goes to every patch that it was added from.
template <class T>
void Decoder<T>::spread(std::int64_t image, const float* slope) const {
  const Taps& taps = c_.net.last;
  const std::int64_t c = c_.plan.image.c, n = taps.taps * c;
  const std::int64_t block = image / c_.batch.rows, row = image % c_.batch.rows;
  // Pairs of rows are complete with the second one, or the batch's last.
  const bool second = row % 2 == 1, last = image + 1 == c_.batch.count;
  for (std::int64_t pixel = 0; pixel < taps.pixels; ++pixel) {
    const Spot at{block, pixel, 0};
    T* to = c_.work.dcolumns.left.tile(block, pixel, 0) + row * n;
    for (std::int64_t tap = 0; tap < taps.taps; ++tap) {
      const std::int64_t from = taps.at(pixel, tap);
      for (std::int64_t k = 0; k < c; ++k)
        write_number(to + tap * c + k, from < 0 ? 0.0f : slope[from * c + k]);
    }
    if constexpr (sizeof(T) != sizeof(float)) {
      if (!second && !last) continue;
      const std::int64_t first = row - row % 2;
      pair_rows(
          to - (row - first) * n, {row - first + 1, n, c_.batch.rows},
          c_.work.dcolumns.pairs.tile(at.images, at.pixel, 0) + first * n);
    }
  }
}

template <class T>
void Decoder<T>::image_bias_gradient() const {
  const std::int64_t c = c_.plan.image.c;
  cpu::row_sums({floats(c_.work.image_bias), c_.batch.count, c, c},
                c_.accumulate, c_.gradient(c_.plan.decoder.back().bias));
}

/// Epilogue of a product that gave g, the derivative by the input of layer i:
/// back through the activation that made that input, and its bias's sums.
template <class T>
void Decoder<T>::backward_tile(std::size_t i, const Spot& at, const float* g,
                               const Slope<T>& to) const {
  const Chain& chain = c_.net.decoder[i];
  const TileSize size = c_.size_of(at, chain.in_block);
  const model::Activation activation =
      i == 0 ? c_.plan.expand.activation : c_.plan.decoder[i - 1].activation;
  T* left = to.left.tile(at.images, at.pixel, at.block);
  output_backward(g, c_.work.decoder_in[i].tile(at.images, at.pixel, at.block),
                  size, activation, left);
  finish_slope(to, at, size);
  column_sums(
      left, size,
      c_.work.bias_parts.view(chain.in_pixels, chain.in_blocks, chain.in_block)
          .tile(at.images, at.pixel, at.block));
}

/// Gradient of the bias that layer i's input was made with: of a channel, or
/// for the expanded code of every pixel and channel.
template <class T>
void Decoder<T>::sum_biases(std::size_t i) const {
  const Chain& chain = c_.net.decoder[i];
  const std::int64_t channels = chain.in_block * chain.in_blocks;
  // [block of images][pixel][channel], in one piece.
  const float* parts =
      c_.work.bias_parts.view(chain.in_pixels, 1, channels).tile(0, 0, 0);
  const std::int64_t blocks = c_.batch.blocks(), pixels = chain.in_pixels;
  if (i == 0)
    cpu::row_sums({parts, blocks, pixels * channels, pixels * channels},
                  c_.accumulate, c_.gradient(c_.plan.expand.bias));
  else
    cpu::row_sums({parts, blocks * pixels, channels, channels}, c_.accumulate,
                  c_.gradient(c_.plan.decoder[i - 1].bias));
}

template <class T>
void Decoder<T>::backward() {
  const std::size_t last = c_.net.decoder.size() - 1;
  for (std::size_t i = last + 1; i-- > 0;) {
    const Chain& chain = c_.net.decoder[i];
    const Slope<T> dy = i == last ? c_.work.dcolumns
                                  : c_.dy_of(c_.slope, chain.out_pixels,
                                             chain.out_blocks, chain.out_block);
    const std::size_t other = 1 - c_.slope;
    const Slope<T> dx =
        c_.dy_of(other, chain.in_pixels, chain.in_blocks, chain.in_block);
    const auto input_task = [&](const Spot& at, int worker) {
      float* g = c_.scratch(worker);
      input_tile(chain, c_.operands, dy.left, chain.geometry.by_in.of(at.pixel),
                 c_.rows_of(at), at, false, g);
      backward_tile(i, at, g, dx);
    };
    const Map<T>& x = c_.work.decoder_in_transposed[i];
    if (i == last) {
      c_.each_tile(chain.in_pixels, chain.in_blocks, input_task);
      end_weight_gradient(c_, chain, x, dy.right(), c_.work.last_parts);
    } else {
      c_.backward_phase(chain, x, dy.right(), input_task);
    }
    sum_biases(i);
    c_.slope = other;
  }
}

template class Decoder<float>;
template class Decoder<Bf16>;

}  // namespace vae::engine::tile
