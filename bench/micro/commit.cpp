// What ends a step of the tile engine and what begins the next one: Adam over
// all parameters, and the weights brought into the order of products.
#include "tile_rig.hpp"

namespace micro {
namespace {

template <class T>
void adam(benchmark::State& state, int threads) {
  if (!can_multiply<T>(state)) return;
  TileRig<T> rig(1, threads);
  for (auto _ : state) rig.commit();
  // The norm reads the gradient; Adam reads it with three more, which it
  // writes.
  const auto floats = static_cast<double>(rig.net.layout.param_floats);
  set_bytes(state, floats * (1 + 4 + 3) * sizeof(float));
}

template <class T>
void weights(benchmark::State& state, int threads) {
  if (!can_multiply<T>(state)) return;
  TileRig<T> rig(1, threads);
  for (auto _ : state) rig.refresh_weights();
  const bool forward = sizeof(T) != sizeof(float);
  double floats = 0;
  for (const tile::Weight& weight : rig.net.weights)
    if (forward || weight.backward)
      floats +=
          static_cast<double>(weight.tiles * weight.rows * weight.columns);
  set_bytes(state, floats * (sizeof(float) + (forward ? 2 : 1) * sizeof(T)));
}

}  // namespace

void add_commit() {
  using tile::Bf16;
  for (const int threads : {1, 2}) {
    const std::string end = "/threads:" + std::to_string(threads);
    add("commit/adam" + end, [=](auto& state) { adam<float>(state, threads); });
    add("commit/weights/fp32" + end,
        [=](auto& state) { weights<float>(state, threads); });
    add("commit/weights/bf16" + end,
        [=](auto& state) { weights<Bf16>(state, threads); });
  }
}

}  // namespace micro
