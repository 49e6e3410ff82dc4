// See code.hpp.
#include "engine/tile/code.hpp"

#include "engine/cpu/loops.hpp"
#include "engine/math/bfloat16.hpp"

namespace vae::engine::tile {
namespace {

/// Sums over parts, in their order, of row `row` of a tile [rows][n].
void sum_parts(const Map<float>& parts, std::int64_t count, std::int64_t images,
               std::int64_t row, std::int64_t n, float* to) {
  for (std::int64_t part = 0; part < count; ++part) {
    const float* from = parts.tile(images, part, 0) + row * n;
    for (std::int64_t i = 0; i < n; ++i) put(to + i, from[i], part > 0);
  }
}

/// Where row r, column c lies in the right side of a product, in pairs.
std::int64_t pair_place(std::int64_t r, std::int64_t c, std::int64_t columns) {
  return (r / 2 * columns + c) * 2 + r % 2;
}

}  // namespace

template <class T>
void Code<T>::heads_forward() {
  const Chain& mean = c_.net.mean_head;
  const Split split = Split::of(mean.in_pixels);
  const Map<T> x =
      c_.seen(c_.work.encoder.back().x, mean.in_pixels, mean.in_block);
  c_.each_tile(split.parts, 2, [&](const Spot& task, int) {
    const Chain& chain = task.block == 0 ? mean : c_.net.logvar_head;
    const Map<float>& parts =
        task.block == 0 ? c_.work.mean_parts : c_.work.logvar_parts;
    forward_tile(chain, c_.operands, x,
                 split.part(chain.geometry.by_out.of(0), task.pixel),
                 c_.rows_of(task), {task.images, 0, 0},
                 parts.tile(task.images, task.pixel, 0));
  });
  c_.each_image([&](std::int64_t image, int) { sum_heads(image); });
}

template <class T>
void Code<T>::sum_heads(std::int64_t image) {
  const std::int64_t latent = c_.plan.latent;
  const std::int64_t parts = Split::of(c_.net.mean_head.in_pixels).parts;
  const std::int64_t block = image / c_.batch.rows, row = image % c_.batch.rows;
  float* heads = c_.work.rows_of(c_.work.heads, image, 2 * latent);
  sum_parts(c_.work.mean_parts, parts, block, row, latent, heads);
  sum_parts(c_.work.logvar_parts, parts, block, row, latent, heads + latent);
  const float* mean_bias = c_.param(c_.plan.mean_head.bias);
  const float* logvar_bias = c_.param(c_.plan.logvar_head.bias);
  for (std::int64_t i = 0; i < latent; ++i) {
    heads[i] += mean_bias[i];
    heads[latent + i] += logvar_bias[i];
  }
}

template <class T>
void Code<T>::draw(std::uint64_t first_image) {
  const std::int64_t latent = c_.plan.latent;
  const NoiseKey key{c_.config.seed, Stream::train, c_.control()->cursor.step};
  c_.each_image([&](std::int64_t image, int) {
    float* noise = c_.work.rows_of(c_.work.noise, image, latent);
    cpu::normal_row(key,
                    static_cast<std::uint32_t>(
                        first_image + static_cast<std::uint64_t>(image)),
                    latent, 1.0f, noise);
    *c_.work.rows_of(c_.work.kl, image, 1) = static_cast<float>(cpu::latent_row(
        c_.work.rows_of(c_.work.heads, image, 2 * latent), noise, latent,
        c_.work.rows_of(c_.work.z, image, latent)));
    store(image, true);
  });
}

template <class T>
void Code<T>::take(const float* codes) {
  const std::int64_t latent = c_.plan.latent;
  c_.each_image([&](std::int64_t image, int) {
    float* z = c_.work.rows_of(c_.work.z, image, latent);
    if (codes != floats(c_.work.z))
      std::copy_n(codes + image * latent, latent, z);
    store(image, false);
  });
}

/// A row of z into the tiles of products. What an odd length or number of rows
/// leaves over in them is zero from the beginning, or made so.
template <class T>
void Code<T>::store(std::int64_t image, bool transposed) {
  const std::int64_t latent = c_.plan.latent, rows = c_.batch.rows;
  const std::int64_t block = image / rows, row = image % rows;
  const float* z = c_.work.rows_of(c_.work.z, image, latent);
  T* code = c_.work.code.tile(block, 0, 0) + row * depth<T>(latent);
  T* across = c_.work.code_transposed.tile(block, 0, 0) + row;
  const bool odd_end = image + 1 == c_.batch.count && row % 2 == 0;
  for (std::int64_t i = 0; i < latent; ++i) {
    write_number(code + i, z[i]);
    if (!transposed) continue;
    across[i * rows] = code[i];
    if (odd_end) across[i * rows + 1] = T{};
  }
}

template <class T>
void Code<T>::expand(Mode mode) {
  const Chain& chain = c_.net.expand;
  const std::int64_t n = chain.out_block, channels = n * chain.out_blocks;
  const float* bias = c_.param(c_.plan.expand.bias);
  const Map<T> out = c_.seen(c_.work.decoder_in[0], chain.out_pixels, n);
  c_.each_output(chain, [&](const Spot& at, int w) {
    const TileSize size = c_.output_size(chain, at);
    c_.product(chain, c_.work.code, at, c_.scratch(w));
    T* to = out.tile(at.images, at.pixel, at.block);
    apply(c_.scratch(w), size,
          {nullptr, bias + at.pixel * channels + at.block * n,
           c_.plan.expand.activation},
          to);
    if (mode == Mode::training)
      transpose(
          to, size,
          c_.work.decoder_in_transposed[0].tile(at.images, at.pixel, at.block));
  });
}

/// dz in parts, and the expanding weight's gradient; then each row's slope.
template <class T>
void Code<T>::expand_backward() {
  const Chain& chain = c_.net.expand;
  const Slope<T> dy =
      c_.dy_of(c_.slope, chain.out_pixels, chain.out_blocks, chain.out_block);
  const Split split = Split::of(chain.out_pixels);
  const std::int64_t weights = chain.weight_tiles();
  c_.team.run(
      c_.batch.blocks() * split.parts + weights, [&](std::int64_t task, int) {
        if (task < weights) {
          const Spot at =
              Context<T>::place_of(task, chain.in_blocks, chain.out_blocks);
          return weight_gradient_tile(
              chain, c_.batch, c_.work.code_transposed, dy.right(),
              chain.geometry.by_tap.of(at.images), at.pixel, at.block,
              c_.accumulate, c_.weight_gradient(chain, task));
        }
        const Spot at = Context<T>::place_of(task - weights, split.parts, 1);
        input_tile(chain, c_.operands, dy.left,
                   split.part(chain.geometry.by_in.of(0), at.pixel),
                   c_.rows_of(at), {at.images, 0, 0}, false,
                   c_.work.dz_parts.tile(at.images, at.pixel, 0));
      });
  c_.each_image([&](std::int64_t image, int) { slope_of_heads(image); });
  bias_gradients();
}

template <class T>
void Code<T>::slope_of_heads(std::int64_t image) {
  const std::int64_t latent = c_.plan.latent, rows = c_.batch.rows;
  const std::int64_t block = image / rows, row = image % rows;
  const std::int64_t parts = Split::of(c_.net.expand.out_pixels).parts;
  float dz[kMostRows];
  sum_parts(c_.work.dz_parts, parts, block, row, latent, dz);
  float* dheads = c_.work.rows_of(c_.work.dheads, image, 2 * latent);
  cpu::latent_gradient_row(c_.work.rows_of(c_.work.heads, image, 2 * latent),
                           c_.work.rows_of(c_.work.noise, image, latent), dz,
                           latent, static_cast<float>(c_.control()->kl_weight),
                           dheads);
  const bool odd_end = image + 1 == c_.batch.count && row % 2 == 0;
  for (const Slope<T>* slope : {&c_.work.dmean, &c_.work.dlogvar}) {
    const float* from = dheads + (slope == &c_.work.dlogvar ? latent : 0);
    T* left = slope->left.tile(block, 0, 0) + row * depth<T>(latent);
    for (std::int64_t i = 0; i < latent; ++i) write_number(left + i, from[i]);
    if constexpr (sizeof(T) != sizeof(float)) {
      T* pairs = slope->pairs.tile(block, 0, 0);
      for (std::int64_t i = 0; i < latent; ++i) {
        pairs[pair_place(row, i, latent)] = left[i];
        if (odd_end) pairs[pair_place(row + 1, i, latent)] = T{};
      }
    }
  }
}

template <class T>
void Code<T>::bias_gradients() {
  const std::int64_t latent = c_.plan.latent;
  const float* rows = floats(c_.work.dheads);
  cpu::row_sums({rows, c_.batch.count, latent, 2 * latent}, c_.accumulate,
                c_.gradient(c_.plan.mean_head.bias));
  cpu::row_sums({rows + latent, c_.batch.count, latent, 2 * latent},
                c_.accumulate, c_.gradient(c_.plan.logvar_head.bias));
}

template <class T>
void Code<T>::heads_backward(Encoder<T>& encoder) {
  const Chain &mean = c_.net.mean_head, &logvar = c_.net.logvar_head;
  const Map<T>& x = c_.work.encoder.back().transposed;
  const Map<float> g = c_.g_of(mean.in_pixels, mean.in_blocks, mean.in_block);
  const std::size_t layer = c_.net.encoder.size() - 1;
  // The second head's weights ride on the first one's tasks: tiles are alike.
  c_.backward_phase(mean, x, c_.work.dmean.right(), [&](const Spot& at, int) {
    float* to = g.tile(at.images, at.pixel, at.block);
    const std::int64_t rows = c_.rows_of(at);
    input_tile(mean, c_.operands, c_.work.dmean.left,
               mean.geometry.by_in.of(at.pixel), rows, at, false, to);
    input_tile(logvar, c_.operands, c_.work.dlogvar.left,
               logvar.geometry.by_in.of(at.pixel), rows, at, true, to);
    encoder.backward_tile(layer, at, to);
  });
  c_.team.run(logvar.weight_tiles(), [&](std::int64_t task, int) {
    const Spot at =
        Context<T>::place_of(task, logvar.in_blocks, logvar.out_blocks);
    weight_gradient_tile(logvar, c_.batch, x, c_.work.dlogvar.right(),
                         logvar.geometry.by_tap.of(at.images), at.pixel,
                         at.block, c_.accumulate,
                         c_.weight_gradient(logvar, task));
  });
}

template class Code<float>;
template class Code<Bf16>;

}  // namespace vae::engine::tile
