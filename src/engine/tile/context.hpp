// What the parts of a pass share: the network, its memory, the State, the batch
// under way, and the ways to spread tasks over the team. Which task runs when
// and where changes no bit: every output has one owner, and sums over tasks are
// added up in the tasks' order.
#pragma once

#include <cstdint>

#include "engine/cpu/loops.hpp"
#include "engine/device.hpp"
#include "engine/tile/network.hpp"
#include "engine/tile/operands.hpp"
#include "engine/tile/team.hpp"
#include "engine/tile/tiles.hpp"
#include "engine/tile/workspace.hpp"
#include "vae/config.hpp"

namespace vae::engine::tile {

enum class Mode { training, inference };

using cpu::put;

template <class T>
struct Context {
  static constexpr std::int64_t kGroup = 8;  // images of a task; even

  const model::Plan& plan;
  const Config& config;
  const Network& net;
  Team& team;
  Operands<T>& operands;
  Workspace<T>& work;
  State state;
  Batch batch;
  bool accumulate = false;
  /// Inference of one image: pixels are the rows of products (strips.hpp).
  bool single = false;
  /// Which of the workspace's two slopes holds the derivative under way.
  std::size_t slope = 0;

  /// Tasks (block of images, pixel, block of channels).
  template <class Body>
  void each_tile(std::int64_t pixels, std::int64_t blocks, Body body) const {
    team.run(batch.blocks() * pixels * blocks,
             [&](std::int64_t task, int worker) {
               body(place_of(task, pixels, blocks), worker);
             });
  }
  /// Tasks for all of a chain's output, body(place, worker): tiles, or strips.
  template <class Body>
  void each_output(const Chain& chain, Body body) const {
    if (!single) return each_tile(chain.out_pixels, chain.out_blocks, body);
    const Strips& strips = chain.strips;
    team.run(strips.count() * chain.out_blocks,
             [&](std::int64_t task, int worker) {
               Spot at = place_of(task, strips.count(), chain.out_blocks);
               at.pixel *= strips.width();
               body(at, worker);
             });
  }
  /// The product of such a task, [rows][out_block].
  void product(const Chain& chain, const Map<T>& x, const Spot& at,
               float* c) const {
    if (single) return forward_strip(chain, operands, x, at, c);
    forward_tile(chain, operands, x, chain.geometry.by_out.of(at.pixel),
                 rows_of(at), at, c);
  }
  TileSize output_size(const Chain& chain, const Spot& at) const {
    const std::int64_t width = chain.strips.width();
    return single ? TileSize{width, chain.out_block, width}
                  : size_of(at, chain.out_block);
  }
  /// An activation as tasks find it.
  template <class U>
  Map<U> seen(const Map<U>& map, std::int64_t pixels,
              std::int64_t channels) const {
    return single ? map.planes(pixels, channels) : map;
  }

  /// Images, a few to a task.
  template <class Body>
  void each_image(Body body) const {
    team.run((batch.count + kGroup - 1) / kGroup, [&](std::int64_t task,
                                                      int worker) {
      const std::int64_t last = std::min(batch.count, (task + 1) * kGroup);
      for (std::int64_t i = task * kGroup; i < last; ++i) body(i, worker);
    });
  }
  /// Both derivatives of a chain in one phase: of its weights, whose tasks are
  /// longer and come first, and of its input, body(place, worker) by tile.
  template <class Body>
  void backward_phase(const Chain& chain, const Map<T>& transposed_x,
                      const Map<T>& right_dy, Body body) const {
    const std::int64_t weights = chain.weight_tiles();
    const std::int64_t inputs =
        batch.blocks() * chain.in_pixels * chain.in_blocks;
    team.run(weights + inputs, [&](std::int64_t task, int worker) {
      if (task >= weights)
        return body(place_of(task - weights, chain.in_pixels, chain.in_blocks),
                    worker);
      const Spot at = place_of(task, chain.in_blocks, chain.out_blocks);
      weight_gradient_tile(chain, batch, transposed_x, right_dy,
                           chain.geometry.by_tap.of(at.images), at.pixel,
                           at.block, accumulate, weight_gradient(chain, task));
    });
  }

  static Spot place_of(std::int64_t task, std::int64_t pixels,
                       std::int64_t blocks) {
    return {task / (pixels * blocks), task / blocks % pixels, task % blocks};
  }
  std::int64_t rows_of(const Spot& at) const {
    return batch.rows_of(at.images);
  }
  TileSize size_of(const Spot& at, std::int64_t columns) const {
    return {rows_of(at), columns, batch.rows};
  }

  const float* param(int index) const {
    return floats(state.param) + offset(net.layout.params, index);
  }
  float* gradient(int index) const {
    return floats(state.reduced) + offset(net.layout.params, index);
  }
  float* weight_gradient(const Chain& chain, std::int64_t tile) const {
    const Weight& weight = operands.weight(chain.weight);
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
  float* tail() const {
    return floats(state.reduced) + net.layout.param_floats +
           net.layout.running_floats;
  }
  Control* control() const {
    return static_cast<Control*>(state.control.get());
  }
  float* scratch(int worker) const {
    return work.scratch[static_cast<std::size_t>(worker)].data();
  }

  /// The derivative under way as maps of a layer's shape.
  Map<float> g_of(std::int64_t pixels, std::int64_t blocks,
                  std::int64_t channels) const {
    return work.g.view(pixels, blocks, batch.rows * channels);
  }
  Slope<T> dy_of(std::size_t which, std::int64_t pixels, std::int64_t blocks,
                 std::int64_t channels) const {
    const Slope<T>& slope_ = work.dy[which];
    const std::int64_t tile = batch.rows * channels;
    return {slope_.left.view(pixels, blocks, tile),
            slope_.pairs.view(pixels, blocks, tile)};
  }

 private:
  static std::int64_t offset(const std::vector<Segment>& segments, int index) {
    return segments[static_cast<std::size_t>(index)].offset;
  }
};

/// A finished tile of a slope's left side also becomes its right side.
template <class T>
void finish_slope(const Slope<T>& slope, const Spot& at, TileSize size) {
  if constexpr (sizeof(T) != sizeof(float))
    pair_rows(slope.left.tile(at.images, at.pixel, at.block), size,
              slope.pairs.tile(at.images, at.pixel, at.block));
}

}  // namespace vae::engine::tile
