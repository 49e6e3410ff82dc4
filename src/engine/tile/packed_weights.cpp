// See packed_weights.hpp.
#include "engine/tile/packed_weights.hpp"

#include <algorithm>
#include <gsl/gsl>

#include "engine/tile/packing.hpp"

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

template class PackedWeights<float>;
template class PackedWeights<Bf16>;

}  // namespace vae::engine::tile
