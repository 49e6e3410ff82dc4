// See phases.hpp.
#include "engine/cpu/loops.hpp"
#include "engine/math/numbers.hpp"
#include "engine/tile/phases.hpp"

namespace vae::engine::tile {
namespace {

// parts [count] tiles [rows, n] -> row `row` of their sum, [n]
// In the order of the parts, so the number of threads changes no bit.
void sum_parts(const Map<float>& parts, std::int64_t count, std::int64_t images,
               std::int64_t row, std::int64_t n, float* to) {
  for (std::int64_t part = 0; part < count; ++part) {
    const float* from = parts.tile(images, part, 0) + row * n;
    for (std::int64_t i = 0; i < n; ++i) put(to + i, from[i], part > 0);
  }
}

}  // namespace

// features [pixels][blocks] tiles [rows, block] -> heads [B, 2 * latent]
// A head sums over all pixels for one narrow output tile, so it is split into
// parts (split-K): one phase for the parts of both heads, one to add them.
template <class T>
void Code<T>::heads_forward() {
  const TiledLayer& mean = c_.net.mean_head;
  const SplitK split = SplitK::of(mean.in_pixels);
  const Map<T> x =
      c_.batch_view(c_.work.encoder.back().x, mean.in_pixels, mean.in_block);
  c_.each_tile(split.parts, 2, [&](const TileIndex& task, int) {
    const TiledLayer& layer = task.block == 0 ? mean : c_.net.logvar_head;
    const Map<float>& parts =
        task.block == 0 ? c_.work.mean_parts : c_.work.logvar_parts;
    forward_tile(layer, c_.weights, x,
                 split.part(layer.geometry.by_out.of(0), task.pixel),
                 c_.rows_of(task), {task.image_block, 0, 0},
                 parts.tile(task.image_block, task.pixel, 0));
  });
  c_.each_image([&](std::int64_t image, int) { sum_heads(image); });
}

// mean_parts, logvar_parts -> heads [2 * latent] of one image
template <class T>
void Code<T>::sum_heads(std::int64_t image) {
  const std::int64_t latent = c_.plan.latent;
  const std::int64_t parts = SplitK::of(c_.net.mean_head.in_pixels).parts;
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

// heads [B, 2 * latent] -> noise, z [B, latent], kl [B]; z also as tiles
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

// z [B, latent] -> code tiles [rows, depth(latent)]
template <class T>
void Code<T>::pack_codes() {
  c_.each_image([&](std::int64_t image, int) { store(image, false); });
}

// z [latent] of one image -> its row of code [rows, depth(latent)] and, for the
// weight gradient, its column of code_transposed [latent, rows]
// bfloat16 multiplies pairs. The last number of an odd latent is paired with
// memory that is zero from the allocation on; the last image of an odd batch
// with a zero written here, since a larger batch may have left something there.
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

// code [rows, latent] -> decoder_in[0] [pixels][blocks] tiles [rows, block]
// Each pixel has its own weights and biases: a linear layer whose output is
// read as an image.
template <class T>
void Code<T>::expand(Pass pass) {
  const TiledLayer& layer = c_.net.expand;
  const std::int64_t n = layer.out_block, channels = n * layer.out_blocks;
  const float* bias = c_.param(c_.plan.expand.bias);
  const Map<T> out = c_.batch_view(c_.work.decoder_in[0], layer.out_pixels, n);
  c_.each_output(layer, [&](const TileIndex& at, int w) {
    const TileSize size = c_.output_size(layer, at);
    c_.product(layer, c_.work.code, at, c_.scratch(w));
    T* to = out.tile(at);
    apply(c_.scratch(w), size,
          {nullptr, bias + at.pixel * channels + at.block * n,
           c_.plan.expand.activation},
          to);
    if (pass == Pass::training)
      transpose(to, size, c_.work.decoder_in_transposed[0].tile(at));
  });
}

// dy[dy_index] [pixels][blocks] tiles -> dz_parts, the weight's gradient; then
// dheads [B, 2 * latent]
// dz sums over all pixels for one narrow tile, so it is split like the heads.
template <class T>
void Code<T>::expand_backward() {
  const TiledLayer& layer = c_.net.expand;
  const Gradient<T> dy = c_.dy_of(c_.dy_index, layer.out_pixels,
                                  layer.out_blocks, layer.out_block);
  const SplitK split = SplitK::of(layer.out_pixels);
  const std::int64_t weight_tasks = layer.weight_tiles();
  c_.team.run(c_.batch.blocks() * split.parts + weight_tasks,
              [&](std::int64_t task, int) {
                if (task < weight_tasks)
                  return c_.weight_gradient(layer, c_.work.code_transposed,
                                            dy.right(), task);
                const TileIndex at =
                    Context<T>::tile_index(task - weight_tasks, split.parts, 1);
                input_gradient_tile(
                    layer, c_.weights, dy.left,
                    split.part(layer.geometry.by_in.of(0), at.pixel),
                    c_.rows_of(at), {at.image_block, 0, 0}, false,
                    c_.work.dz_parts.tile(at.image_block, at.pixel, 0));
              });
  c_.each_image([&](std::int64_t image, int) { heads_gradient(image); });
  bias_gradients();
}

// dz_parts, heads, noise of one image -> dheads [2 * latent], also as the
// heads' GEMMs read it: dmean, dlogvar tiles [rows, depth(latent)], and [rows /
// 2, latent, 2]
template <class T>
void Code<T>::heads_gradient(std::int64_t image) {
  const std::int64_t latent = c_.plan.latent, rows = c_.batch.rows;
  const std::int64_t block = image / rows, row = image % rows;
  const std::int64_t parts = SplitK::of(c_.net.expand.out_pixels).parts;
  float dz[kMostRows];
  sum_parts(c_.work.dz_parts, parts, block, row, latent, dz);
  float* dheads = c_.work.rows_of(c_.work.dheads, image, 2 * latent);
  cpu::latent_gradient_row(c_.work.rows_of(c_.work.heads, image, 2 * latent),
                           c_.work.rows_of(c_.work.noise, image, latent), dz,
                           latent, static_cast<float>(c_.control()->kl_weight),
                           dheads);
  const bool odd_end = image + 1 == c_.batch.count && row % 2 == 0;
  for (const Gradient<T>* grad : {&c_.work.dmean, &c_.work.dlogvar}) {
    const float* from = dheads + (grad == &c_.work.dlogvar ? latent : 0);
    T* left = grad->left.tile(block, 0, 0) + row * depth<T>(latent);
    for (std::int64_t i = 0; i < latent; ++i) write_number(left + i, from[i]);
    if constexpr (sizeof(T) != sizeof(float)) {
      T* pairs = grad->pairs.tile(block, 0, 0);
      for (std::int64_t i = 0; i < latent; ++i) {
        pairs[packed_index<T>(row, i, latent)] = left[i];
        if (odd_end) pairs[packed_index<T>(row + 1, i, latent)] = T{};
      }
    }
  }
}

// dheads [B, 2 * latent] -> gradients of both biases [latent]
template <class T>
void Code<T>::bias_gradients() {
  const std::int64_t latent = c_.plan.latent;
  const float* rows = floats(c_.work.dheads);
  cpu::row_sums({rows, c_.batch.count, latent, 2 * latent}, c_.accumulate,
                c_.gradient(c_.plan.mean_head.bias));
  cpu::row_sums({rows + latent, c_.batch.count, latent, 2 * latent},
                c_.accumulate, c_.gradient(c_.plan.logvar_head.bias));
}

// dmean, dlogvar tiles [rows, latent] -> g [pixels][blocks] tiles
// [rows, block], and the gradients of both weights
template <class T>
void Code<T>::heads_backward(Encoder<T>& encoder) {
  const TiledLayer &mean = c_.net.mean_head, &logvar = c_.net.logvar_head;
  const Map<T>& x = c_.work.encoder.back().transposed;
  const Map<float> g = c_.g_of(mean.in_pixels, mean.in_blocks, mean.in_block);
  const std::size_t layer = c_.net.encoder.size() - 1;
  // One task adds both heads' gradients of a tile of features, so that they are
  // stored once and the epilogue sees their sum. Of the weights, this phase has
  // the mean head's; the other head's have a phase of their own.
  c_.backward_phase(
      mean, x, c_.work.dmean.right(), [&](const TileIndex& at, int) {
        float* to = g.tile(at);
        const std::int64_t rows = c_.rows_of(at);
        input_gradient_tile(mean, c_.weights, c_.work.dmean.left,
                            mean.geometry.by_in.of(at.pixel), rows, at, false,
                            to);
        input_gradient_tile(logvar, c_.weights, c_.work.dlogvar.left,
                            logvar.geometry.by_in.of(at.pixel), rows, at, true,
                            to);
        encoder.backward_tile(layer, at, to);
      });
  c_.team.run(logvar.weight_tiles(), [&](std::int64_t task, int) {
    c_.weight_gradient(logvar, x, c_.work.dlogvar.right(), task);
  });
}

template class Code<float>;
template class Code<Bf16>;

}  // namespace vae::engine::tile
