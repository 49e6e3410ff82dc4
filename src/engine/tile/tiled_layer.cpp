// See tiled_layer.hpp.
#include "engine/tile/tiled_layer.hpp"

#include <algorithm>

#include "engine/tile/tile_kernels.hpp"

namespace vae::engine::tile {

template <class T>
PackedWeights<T>::PackedWeights(Device& device, std::vector<Weight> weights)
    : weights_(std::move(weights)) {
  std::int64_t forward = 0, backward = 0, tasks = 0;
  for (const Weight& w : weights_) {
    const Copy copy{forward, backward, depth<T>(w.rows) * w.columns,
                    depth<T>(w.columns) * w.rows};
    copies_.push_back(copy);
    first_task_.push_back(tasks);
    tasks += w.tiles;
    forward += w.tiles * copy.forward_size;
    if (w.backward) backward += w.tiles * copy.backward_size;
  }
  first_task_.push_back(tasks);
  const auto allocate = [&](std::int64_t count) {
    return device.allocate(count * std::int64_t{sizeof(T)});
  };
  // A float weight lies in the flat buffer as its GEMM reads it: no copy.
  if (!kForwardIsParam) forward_ = allocate(forward);
  backward_ = allocate(backward);
}

template <class T>
void PackedWeights<T>::attach(const float* params) {
  params_ = params;
  invalidate();
}

// Forward and backward copies are stale apart: inference packs no transposes.
template <class T>
void PackedWeights<T>::refresh(Team& team, bool backward) {
  const bool do_forward = forward_stale_ && !kForwardIsParam;
  const bool do_backward = backward_stale_ && backward;
  if (!do_forward && !do_backward) return;
  // A few tiles to a task, since one tile takes about a microsecond.
  constexpr std::int64_t kTiles = 4;
  const std::int64_t all = first_task_.back();
  team.run((all + kTiles - 1) / kTiles, [&](std::int64_t task, int) {
    const std::int64_t last = std::min(all, (task + 1) * kTiles);
    for (std::int64_t i = task * kTiles; i < last; ++i)
      refresh_tile(i, do_forward, do_backward);
  });
  forward_stale_ = false;
  if (backward) backward_stale_ = false;
}

// params tile [rows, columns] -> packed [rows, columns] and [columns, rows]
// `task` counts the tiles of all weights.
template <class T>
void PackedWeights<T>::refresh_tile(std::int64_t task, bool forward,
                                    bool backward) {
  const auto after =
      std::upper_bound(first_task_.begin(), first_task_.end(), task);
  const auto index = static_cast<int>(after - first_task_.begin()) - 1;
  const Weight& w = weight(index);
  const std::int64_t tile = task - first_task_[static_cast<std::size_t>(index)];
  const float* from = params_ + w.offset + tile * w.rows * w.columns;
  // The accessors give const pointers: only this function writes.
  if (forward)
    pack(from, w.rows, w.columns, const_cast<T*>(this->forward(index, tile)));
  if (backward && w.backward)
    pack_transposed(from, w.columns, w.rows,
                    const_cast<T*>(this->backward(index, tile)));
}

template <class T>
const T* PackedWeights<T>::forward(int weight, std::int64_t tile) const {
  const auto i = static_cast<std::size_t>(weight);
  if constexpr (kForwardIsParam) {
    const Weight& w = weights_[i];
    return params_ + w.offset + tile * w.rows * w.columns;
  } else {
    const Copy& copy = copies_[i];
    return static_cast<const T*>(forward_.get()) + copy.first_forward +
           tile * copy.forward_size;
  }
}

template <class T>
const T* PackedWeights<T>::backward(int weight, std::int64_t tile) const {
  const Copy& copy = copies_[static_cast<std::size_t>(weight)];
  return static_cast<const T*>(backward_.get()) + copy.first_backward +
         tile * copy.backward_size;
}

// x [links][in_blocks] tiles [rows, in_block] -> c [rows, out_block]
template <class T>
void forward_tile(const TiledLayer& layer, const PackedWeights<T>& weights,
                  const Map<T>& x, std::span<const Link> links,
                  std::int64_t rows, const TileIndex& at, float* c) {
  const std::int64_t k = depth<T>(layer.in_block), n = layer.out_block;
  const Product product{rows, n, k, k, n, n};
  bool add = false;  // the first product overwrites c, so nothing is cleared
  for (const Link& link : links)
    for (std::int64_t in = 0; in < layer.in_blocks; ++in) {
      multiply(product, x.tile(at.image_block, link.in, in),
               weights.forward(layer.weight,
                               layer.weight_tile(link.tap, in, at.block)),
               c, add);
      add = true;
    }
}

// x [in_blocks] planes [in_pixels, in_block] -> c [width, out_block]
template <class T>
void forward_strip(const TiledLayer& layer, const PackedWeights<T>& weights,
                   const Map<T>& x, const TileIndex& at, float* c) {
  const std::int64_t k = depth<T>(layer.in_block), n = layer.out_block;
  const std::int64_t width = layer.strips.width(), step = x.pixel_step();
  // At the border a tap reaches some pixels of a strip and not others, so no
  // run covers all of c and each of them adds.
  std::fill_n(c, width * n, 0.0f);
  for (const Run& run : layer.strips.of(at.pixel / width)) {
    // A stride between pixels is a leading dimension, on either side.
    const Product product{run.count,          n, k,
                          run.in_step * step, n, run.out_step * n};
    for (std::int64_t in = 0; in < layer.in_blocks; ++in)
      multiply(product, x.tile(0, run.in, in),
               weights.forward(layer.weight,
                               layer.weight_tile(run.tap, in, at.block)),
               c + (run.out - at.pixel) * n, true);
  }
}

// dy [links][out_blocks] tiles [rows, out_block] -> c [rows, in_block]
template <class T>
void input_gradient_tile(const TiledLayer& layer,
                         const PackedWeights<T>& weights, const Map<T>& dy,
                         std::span<const Link> links, std::int64_t rows,
                         const TileIndex& at, bool add, float* c) {
  const std::int64_t k = depth<T>(layer.out_block), n = layer.in_block;
  const Product product{rows, n, k, k, n, n};
  for (const Link& link : links)
    for (std::int64_t out = 0; out < layer.out_blocks; ++out) {
      multiply(product, dy.tile(at.image_block, link.out, out),
               weights.backward(layer.weight,
                                layer.weight_tile(link.tap, at.block, out)),
               c, add);
      add = true;
    }
}

// x^T [image blocks][links] tiles [in_block, rows],
// dy [image blocks][links] tiles [rows, out_block] -> c [in_block, out_block]
template <class T>
void weight_gradient_tile(const TiledLayer& layer, const Batch& batch,
                          const Map<T>& transposed_x, const Map<T>& dy,
                          std::span<const Link> links, std::int64_t in,
                          std::int64_t out, bool add, float* c) {
  const std::int64_t m = layer.in_block, n = layer.out_block;
  for (std::int64_t block = 0; block < batch.blocks(); ++block) {
    // The last block has fewer images; its rows are still batch.rows apart.
    const std::int64_t k = depth<T>(batch.rows_of(block));
    const Product product{m, n, k, batch.rows, n, n};
    for (const Link& link : links) {
      multiply(product, transposed_x.tile(block, link.in, in),
               dy.tile(block, link.out, out), c, add);
      add = true;
    }
  }
}

#define INSTANTIATE(T)                                                      \
  template void forward_strip(const TiledLayer&, const PackedWeights<T>&,   \
                              const Map<T>&, const TileIndex&, float*);     \
  template void forward_tile(const TiledLayer&, const PackedWeights<T>&,    \
                             const Map<T>&, std::span<const Link>,          \
                             std::int64_t, const TileIndex&, float*);       \
  template void input_gradient_tile(                                        \
      const TiledLayer&, const PackedWeights<T>&, const Map<T>&,            \
      std::span<const Link>, std::int64_t, const TileIndex&, bool, float*); \
  template void weight_gradient_tile(                                       \
      const TiledLayer&, const Batch&, const Map<T>&, const Map<T>&,        \
      std::span<const Link>, std::int64_t, std::int64_t, bool, float*);
template class PackedWeights<float>;
template class PackedWeights<Bf16>;
INSTANTIATE(float)
INSTANTIATE(Bf16)

}  // namespace vae::engine::tile
