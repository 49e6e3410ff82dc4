// A training step of the tile engine, and how long each of its phases lasts
// within it: counters of that name, in microseconds.
#include <chrono>
#include <map>

#include "tile_rig.hpp"

namespace micro {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
void phases(benchmark::State& state, std::int64_t batch, int threads) {
  if (!can_multiply<T>(state)) return;
  TileRig<T> rig(batch, threads);
  std::map<std::string, double> microseconds;
  for (auto _ : state)
    rig.step([&](const char* name, auto work) {
      const Clock::time_point began = Clock::now();
      work();
      const std::chrono::duration<double, std::micro> lasted =
          Clock::now() - began;
      microseconds[name] += lasted.count();
    });
  for (const auto& [name, all] : microseconds)
    state.counters[name] =
        benchmark::Counter(all, benchmark::Counter::kAvgIterations);
}

template <class T>
void add_type() {
  for (const std::int64_t batch : {1, 64})
    for (const int threads : {1, 2})
      add(std::string("phases/") + kPrecision<T> + "/batch:" +
              std::to_string(batch) + "/threads:" + std::to_string(threads),
          [=](benchmark::State& state) { phases<T>(state, batch, threads); });
}

}  // namespace

void add_phases() {
  add_type<float>();
  add_type<vae::engine::tile::Bf16>();
}

}  // namespace micro
