// See phases.hpp. Layer i reads decoder_in[i] and writes decoder_in[i + 1].
#include "engine/cpu/loops.hpp"
#include "engine/math/numbers.hpp"
#include "engine/tile/phases.hpp"

namespace vae::engine::tile {

// decoder_in[0] -> decoder_in[i] [in_pixels][in_blocks] tiles [rows, in_block]
//   -> columns [out_pixels] tiles [rows, taps * C]
// One phase per layer: bias and activation are the epilogue of the GEMM.
template <class T>
void Decoder<T>::forward(Pass pass) {
  const std::size_t last = c_.net.decoder.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const TiledLayer& layer = c_.net.decoder[i];
    const float* bias = c_.param(c_.plan.decoder[i].bias);
    const Map<T> in = input(i), out = input(i + 1);
    c_.each_output(layer, [&](const TileIndex& at, int w) {
      const TileSize size = c_.output_size(layer, at);
      c_.product(layer, in, at, c_.scratch(w));
      T* x = out.tile(at);
      apply(c_.scratch(w), size,
            {nullptr, bias + at.block * layer.out_block,
             c_.plan.decoder[i].activation},
            x);
      // For this layer's weight gradient, while the tile is in the cache.
      if (pass == Pass::training)
        transpose(x, size, c_.work.decoder_in_transposed[i + 1].tile(at));
    });
  }
  // The last layer has few channels, too narrow for a tile of its own per tap.
  // One GEMM per input pixel computes all taps; col2im() adds them up.
  const TiledLayer& layer = c_.net.decoder[last];
  const Map<T> in = input(last);
  const Map<float> out = columns();
  c_.each_output(layer, [&](const TileIndex& at, int) {
    c_.product(layer, in, at, out.tile(at.image_block, at.pixel, 0));
  });
}

// A layer's input as the current batch uses it: tiles, or planes.
template <class T>
Map<T> Decoder<T>::input(std::size_t i) const {
  const TiledLayer& layer = c_.net.decoder[i];
  return c_.batch_view(c_.work.decoder_in[i], layer.in_pixels, layer.in_block);
}

template <class T>
Map<float> Decoder<T>::columns() const {
  const TiledLayer& layer = c_.net.decoder.back();
  return c_.batch_view(c_.work.columns, layer.out_pixels, layer.out_block);
}

// columns [pixels] row [taps * C] -> output [H, W, C] of one image
// Pixels and taps in order, so the sum has the same bits for any batch.
template <class T>
void Decoder<T>::col2im(std::int64_t image, float* output) const {
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
      if (at < 0) continue;  // the tap falls outside of the image
      for (std::int64_t k = 0; k < c; ++k)
        output[at * c + k] += from[tap * c + k];
    }
  }
}

// columns, images [B, H, W, C] -> recon, mse [B]; dcolumns [pixels] tiles
// [rows, taps * C]; gradient of the last bias [C]
// One task does all of an image: its output and gradient stay in the worker's
// scratch and are never stored for the batch.
template <class T>
void Decoder<T>::losses(const float* images) {
  const std::int64_t size = c_.plan.image.size(), c = c_.plan.image.c;
  c_.each_image([&](std::int64_t image, int worker) {
    float* output = c_.scratch(worker);
    float* gradient = output + size;
    const float* target = images + image * size;
    col2im(image, output);
    c_.likelihood(image, output, target, gradient);
    cpu::row_sums({gradient, size / c, c, c}, false,
                  c_.work.rows_of(c_.work.image_bias, image, c));
    im2col(image, gradient);
  });
  image_bias_gradient();
}

// gradient [H, W, C] of one image -> dcolumns [pixels] row [taps * C]
// The backward of col2im(): each tap gets the gradient of the pixel that it was
// added to.
template <class T>
void Decoder<T>::im2col(std::int64_t image, const float* gradient) const {
  const Taps& taps = c_.net.last;
  const std::int64_t c = c_.plan.image.c, n = taps.taps * c;
  const std::int64_t block = image / c_.batch.rows, row = image % c_.batch.rows;
  // Pairs of rows are complete with the second one, or the batch's last.
  const bool second = row % 2 == 1, last = image + 1 == c_.batch.count;
  for (std::int64_t pixel = 0; pixel < taps.pixels; ++pixel) {
    T* to = c_.work.dcolumns.left.tile(block, pixel, 0) + row * n;
    for (std::int64_t tap = 0; tap < taps.taps; ++tap) {
      const std::int64_t from = taps.at(pixel, tap);
      for (std::int64_t k = 0; k < c; ++k)
        write_number(to + tap * c + k,
                     from < 0 ? 0.0f : gradient[from * c + k]);
    }
    if constexpr (sizeof(T) != sizeof(float)) {
      if (!second && !last) continue;
      const std::int64_t first = row - row % 2;
      pair_rows(to - (row - first) * n, {row - first + 1, n, c_.batch.rows},
                c_.work.dcolumns.pairs.tile(block, pixel, 0) + first * n);
    }
  }
}

// image_bias [B, C] -> [C]
template <class T>
void Decoder<T>::image_bias_gradient() const {
  const std::int64_t c = c_.plan.image.c;
  cpu::row_sums({floats(c_.work.image_bias), c_.batch.count, c, c},
                c_.accumulate, c_.gradient(c_.plan.decoder.back().bias));
}

// g [rows, in_block] -> dx [rows, in_block], bias_parts [in_block]
// Epilogue of the GEMM that gave g, the gradient of layer i's input: back
// through the activation that made that input, and sums for its bias. ReLU and
// LeakyReLU keep the sign, so their output tells which side the input was on.
template <class T>
void Decoder<T>::backward_tile(std::size_t i, const TileIndex& at,
                               const float* g, const Gradient<T>& to) const {
  const TiledLayer& layer = c_.net.decoder[i];
  const TileSize size = c_.size_of(at, layer.in_block);
  const model::Activation activation =
      i == 0 ? c_.plan.expand.activation : c_.plan.decoder[i - 1].activation;
  T* left = to.left.tile(at);
  output_backward(g, c_.work.decoder_in[i].tile(at), size, activation, left);
  fill_pairs(to, at, size);
  column_sums(
      left, size,
      c_.work.bias_parts.view(layer.in_pixels, layer.in_blocks, layer.in_block)
          .tile(at));
}

// bias_parts [image blocks][in_pixels][channels] -> [channels], or for the
// expanded code, which has a bias for each pixel and channel, all but blocks
// The bias is that of the layer before, which made layer i's input.
template <class T>
void Decoder<T>::sum_biases(std::size_t i) const {
  const TiledLayer& layer = c_.net.decoder[i];
  const std::int64_t channels = layer.in_block * layer.in_blocks;
  // Tiles [in_block] of one pixel are adjacent, so this is one matrix.
  const float* parts =
      c_.work.bias_parts.view(layer.in_pixels, 1, channels).tile(0, 0, 0);
  const std::int64_t blocks = c_.batch.blocks(), pixels = layer.in_pixels;
  if (i == 0)
    cpu::row_sums({parts, blocks, pixels * channels, pixels * channels},
                  c_.accumulate, c_.gradient(c_.plan.expand.bias));
  else
    cpu::row_sums({parts, blocks * pixels, channels, channels}, c_.accumulate,
                  c_.gradient(c_.plan.decoder[i - 1].bias));
}

// dcolumns -> dy[dy_index] [pixels][blocks] tiles, the gradient before
// decoder_in[0]'s activation; gradients of all of the decoder's parameters
template <class T>
void Decoder<T>::backward() {
  const std::size_t last = c_.net.decoder.size() - 1;
  for (std::size_t i = last + 1; i-- > 0;) {
    const TiledLayer& layer = c_.net.decoder[i];
    const Gradient<T> dy = i == last
                               ? c_.work.dcolumns
                               : c_.dy_of(c_.dy_index, layer.out_pixels,
                                          layer.out_blocks, layer.out_block);
    // A layer reads one of the two gradients and writes the other.
    const std::size_t other = 1 - c_.dy_index;
    const Gradient<T> dx =
        c_.dy_of(other, layer.in_pixels, layer.in_blocks, layer.in_block);
    const auto input_task = [&](const TileIndex& at, int worker) {
      float* g = c_.scratch(worker);
      input_gradient_tile(layer, c_.weights, dy.left,
                          layer.geometry.by_in.of(at.pixel), c_.rows_of(at), at,
                          false, g);
      backward_tile(i, at, g, dx);
    };
    const Map<T>& x = c_.work.decoder_in_transposed[i];
    if (i == last) {
      c_.each_tile(layer.in_pixels, layer.in_blocks, input_task);
      c_.split_weight_gradient(layer, x, dy.right(), c_.work.last_parts);
    } else {
      c_.backward_phase(layer, x, dy.right(), input_task);
    }
    sum_biases(i);
    c_.dy_index = other;
  }
}

template class Decoder<float>;
template class Decoder<Bf16>;

}  // namespace vae::engine::tile
