// What the phases of a pass share: the network, its memory, the State, the
// current batch, and the functions that spread tasks over the team. The order
// of tasks changes no bit: each output has one task, and partial sums are added
// in the order of the tasks that made them.
#pragma once

#include <cstdint>

#include "engine/cpu/loops.hpp"
#include "engine/operations.hpp"
#include "engine/tile/network.hpp"
#include "engine/tile/team.hpp"
#include "engine/tile/tile_kernels.hpp"
#include "engine/tile/workspace.hpp"
#include "vae/config.hpp"

namespace vae::engine::tile {

/// What a forward pass is for. Training also keeps what the backward pass
/// reads, and normalises by the batch instead of the running statistics.
enum class Pass { training, inference };

using cpu::put;

template <class T>
struct Context {
  const model::Plan& plan;
  const Config& config;
  const Network& net;
  Device& device;
  Team& team;
  PackedWeights<T>& weights;
  Workspace<T>& work;
  State state;
  Batch batch;
  bool accumulate = false;
  /// Inference of one image: the rows of a GEMM are pixels (Strips).
  bool single = false;
  /// Which of Workspace::dy holds the current gradient; a layer reads it and
  /// writes the other.
  std::size_t dy_index = 0;

  // Tasks. Each of these functions is one phase: it returns when all of its
  // tasks are done, so it is a barrier.

  /// body(TileIndex, worker) for each tile of [blocks of images][pixels]
  /// [blocks of channels].
  template <class Body>
  void each_tile(std::int64_t pixels, std::int64_t blocks, Body body) const {
    team.run(batch.blocks() * pixels * blocks,
             [&](std::int64_t task, int worker) {
               body(tile_index(task, pixels, blocks), worker);
             });
  }
  /// body(TileIndex, worker) for all of a layer's output: each tile, or for a
  /// single image each strip.
  template <class Body>
  void each_output(const TiledLayer& layer, Body body) const {
    if (!single) return each_tile(layer.out_pixels, layer.out_blocks, body);
    const Strips& strips = layer.strips;
    team.run(
        strips.count() * layer.out_blocks, [&](std::int64_t task, int worker) {
          TileIndex at = tile_index(task, strips.count(), layer.out_blocks);
          at.pixel *= strips.width();  // the strip's first pixel
          body(at, worker);
        });
  }
  /// body(image, worker) for each image, kGroup of them to a task: bfloat16
  /// pairs images 2i and 2i + 1, so one task must write both.
  template <class Body>
  void each_image(Body body) const {
    constexpr std::int64_t kGroup = 8;
    static_assert(kGroup % 2 == 0);
    team.run((batch.count + kGroup - 1) / kGroup, [&](std::int64_t task,
                                                      int worker) {
      const std::int64_t last = std::min(batch.count, (task + 1) * kGroup);
      for (std::int64_t i = task * kGroup; i < last; ++i) body(i, worker);
    });
  }
  /// Rows [done, done + batch) of a source -> to [batch, row].
  void load_rows(const RowSource& from, model::Extent row, std::int64_t done,
                 float* to) const {
    each_image([&](std::int64_t i, int) {
      cpu::load_row(from, done + i, row, to + i * row.size());
    });
  }
  /// Both gradients of a layer in one phase. The tasks of the weight are longer
  /// and come first; for each tile of the input body(TileIndex, worker).
  template <class Body>
  void backward_phase(const TiledLayer& layer, const Map<T>& transposed_x,
                      const Map<T>& right_dy, Body body) const {
    const std::int64_t weight_tasks = layer.weight_tiles();
    const std::int64_t input_tasks =
        batch.blocks() * layer.in_pixels * layer.in_blocks;
    team.run(weight_tasks + input_tasks, [&](std::int64_t task, int worker) {
      if (task < weight_tasks)
        return weight_gradient(layer, transposed_x, right_dy, task);
      body(tile_index(task - weight_tasks, layer.in_pixels, layer.in_blocks),
           worker);
    });
  }
  /// Gradient of one weight tile, over all images and pixels:
  /// transposed_x [in_block, B] x dy [B, out_block] -> State::reduced.
  void weight_gradient(const TiledLayer& layer, const Map<T>& transposed_x,
                       const Map<T>& right_dy, std::int64_t tile) const {
    const WeightIndex at = layer.weight_index(tile);
    weight_gradient_tile(layer, batch, transposed_x, right_dy,
                         layer.geometry.by_tap.of(at.tap), at.in, at.out,
                         accumulate, weight_gradient_of(layer, tile));
  }
  /// The same for the first and the last layer, in a phase of its own. They
  /// have one or two weight tiles that sum over every pixel, too few tasks for
  /// a team; so the pixels are split, and the parts are added in order.
  void split_weight_gradient(const TiledLayer& layer,
                             const Map<T>& transposed_x, const Map<T>& dy,
                             const Map<float>& parts) const;

  // Where a task's numbers are.

  static TileIndex tile_index(std::int64_t task, std::int64_t pixels,
                              std::int64_t blocks) {
    return {task / (pixels * blocks), task / blocks % pixels, task % blocks};
  }
  /// An activation as the current batch uses it: tiles, or planes for a single
  /// image.
  template <class U>
  Map<U> batch_view(const Map<U>& map, std::int64_t pixels,
                    std::int64_t channels) const {
    return single ? map.planes(pixels, channels) : map;
  }
  std::int64_t rows_of(const TileIndex& at) const {
    return batch.rows_of(at.image_block);
  }
  TileSize size_of(const TileIndex& at, std::int64_t columns) const {
    return {rows_of(at), columns, batch.rows};
  }
  TileSize output_size(const TiledLayer& layer, const TileIndex& at) const {
    const std::int64_t width = layer.strips.width();
    return single ? TileSize{width, layer.out_block, width}
                  : size_of(at, layer.out_block);
  }
  /// The GEMM of a task of each_output(): c [rows, out_block].
  void product(const TiledLayer& layer, const Map<T>& x, const TileIndex& at,
               float* c) const {
    if (single) return forward_strip(layer, weights, x, at, c);
    forward_tile(layer, weights, x, layer.geometry.by_out.of(at.pixel),
                 rows_of(at), at, c);
  }
  float* scratch(int worker) const {
    return floats(work.scratch[static_cast<std::size_t>(worker)]);
  }
  /// The gradient before an activation, float, as a map of a layer's shape.
  Map<float> g_of(std::int64_t pixels, std::int64_t blocks,
                  std::int64_t channels) const {
    return work.g.view(pixels, blocks, batch.rows * channels);
  }
  /// Workspace::dy[which] as a map of a layer's shape.
  Gradient<T> dy_of(std::size_t which, std::int64_t pixels, std::int64_t blocks,
                    std::int64_t channels) const {
    const Gradient<T>& dy = work.dy[which];
    const std::int64_t tile = batch.rows * channels;
    return {dy.left.view(pixels, blocks, tile),
            dy.pairs.view(pixels, blocks, tile)};
  }

  // The flat buffers.

  const float* param(int index) const {
    return floats(state.param) + offset(net.layout.params, index);
  }
  float* gradient(int index) const {
    return floats(state.reduced) + offset(net.layout.params, index);
  }
  float* weight_gradient_of(const TiledLayer& layer, std::int64_t tile) const {
    const Weight& weight = weights.weight(layer.weight);
    return floats(state.reduced) + weight.offset +
           tile * weight.rows * weight.columns;
  }
  const float* running(int index) const {
    return floats(state.running) + offset(net.layout.running, index);
  }
  /// The batch's statistics, where State::reduced has them.
  float* batch_running(int index) const {
    return floats(state.reduced) + net.layout.param_floats +
           offset(net.layout.running, index);
  }
  float* tail() const { return tail_of(state, net.layout); }
  Control* control() const {
    return static_cast<Control*>(state.control.get());
  }

  /// Losses of the batch into the tail of the gradient, or into totals; the
  /// other one is null.
  void batch_sums(float* to_tail, double* to_totals, bool add) const {
    device.operations().batch_sums({floats(work.heads), floats(work.recon),
                                    floats(work.kl), floats(work.mse), to_tail,
                                    batch.count, plan.latent, control(), add,
                                    to_totals});
  }
  /// Reconstruction loss and squared error of one image [H, W, C] into the
  /// workspace; `to`, which may be null, gets the gradient [H, W, C].
  void likelihood(std::int64_t image, const float* output, const float* target,
                  float* to) const {
    const std::int64_t size = plan.image.size();
    cpu::likelihood_row({config.likelihood, config.gaussian_sigma}, output,
                        target, size, to, work.rows_of(work.recon, image, 1),
                        work.rows_of(work.mse, image, 1));
  }

 private:
  static std::int64_t offset(const std::vector<Segment>& segments, int index) {
    return segments[static_cast<std::size_t>(index)].offset;
  }
};

template <class T>
void Context<T>::split_weight_gradient(const TiledLayer& layer,
                                       const Map<T>& transposed_x,
                                       const Map<T>& dy,
                                       const Map<float>& parts) const {
  const std::span<const Link> links = layer.geometry.by_tap.of(0);
  const SplitK split = SplitK::of(layer.in_pixels);
  const std::int64_t tiles = layer.weight_tiles();
  team.run(split.parts * tiles, [&](std::int64_t task, int) {
    const std::int64_t part = task / tiles, tile = task % tiles;
    const WeightIndex at = layer.weight_index(tile);
    weight_gradient_tile(layer, batch, transposed_x, dy,
                         split.part(links, part), at.in, at.out, false,
                         parts.tile(0, part, tile));
  });
  const std::int64_t size = layer.in_block * layer.out_block;
  for (std::int64_t tile = 0; tile < tiles; ++tile)
    for (std::int64_t part = 0; part < split.parts; ++part) {
      const float* from = parts.tile(0, part, tile);
      float* to = weight_gradient_of(layer, tile);
      const bool add = part > 0 || accumulate;
      for (std::int64_t i = 0; i < size; ++i) put(to + i, from[i], add);
    }
}

/// A finished tile of a gradient as left matrix -> the same as right matrix.
template <class T>
void fill_pairs(const Gradient<T>& dy, const TileIndex& at, TileSize size) {
  if constexpr (sizeof(T) != sizeof(float))
    pair_rows(dy.left.tile(at), size, dy.pairs.tile(at));
}

}  // namespace vae::engine::tile
