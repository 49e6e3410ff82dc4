// The commit on the CPU: decides, applies Adam, folds the running statistics,
// adds to the sums. Who runs the chunks, and on how many threads, is the
// caller's matter and changes no bit.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/cpu/loops.hpp"
#include "engine/math/commit.hpp"
#include "engine/state.hpp"

namespace vae::engine::cpu {

inline constexpr std::int64_t kChunk = 16384;  // floats of a task: 64 KiB each

inline std::int64_t chunks_of(std::int64_t count) {
  return (count + kChunk - 1) / kChunk;
}

/// each(n, body) calls body(i) for every i in [0, n), in any order. `partial`
/// is memory that the caller keeps, so that steps after the first allocate
/// nothing.
template <class Each>
double square_norm(const float* values, std::int64_t count,
                   std::vector<double>& partial, Each& each) {
  partial.resize(static_cast<std::size_t>(chunks_of(count)));
  each(chunks_of(count), [&](std::int64_t i) {
    const std::int64_t first = i * kChunk;
    partial[static_cast<std::size_t>(i)] =
        square_sum(values + first, std::min(kChunk, count - first));
  });
  double total = 0;
  for (const double value : partial) total += value;
  return total;
}

template <class Each>
void apply_adam(const State& state, const Control& control, std::int64_t count,
                Each& each) {
  const AdamStep<float> step = adam_step(control);
  each(chunks_of(count), [&](std::int64_t i) {
    const std::int64_t first = i * kChunk;
    adam_chunk(step, floats(state.reduced) + first,
               std::min(kChunk, count - first), floats(state.param) + first,
               floats(state.moment1) + first, floats(state.moment2) + first);
  });
}

inline void add_to_sums(const State& state, const Control& control,
                        const Tail& tail, const float* tail_start,
                        std::int64_t latent) {
  auto* values = static_cast<double*>(state.sums.get());
  Sums sums;
  std::memcpy(&sums, values, sizeof sums);
  add_sums(tail, control, &sums);
  std::memcpy(values, &sums, sizeof sums);
  if (control.skip != 0) return;
  for (std::int64_t i = 0; i < 3 * latent; ++i)
    values[kSumDoubles + i] += static_cast<double>(tail_start[kTailFloats + i]);
}

template <class Each>
void commit(const State& state, const Layout& layout, std::int64_t latent,
            std::vector<double>& partial, Each each) {
  auto* control = static_cast<Control*>(state.control.get());
  const float* gradient = floats(state.reduced);
  const float* batch = gradient + layout.param_floats;
  Tail tail;
  std::memcpy(&tail, batch + layout.running_floats, sizeof tail);
  double square = square_norm(gradient, layout.param_floats, partial, each);
  for (std::int64_t i = 0; i < layout.running_floats; ++i)
    square += refusal(batch[i]);
  decide(tail, square, control);
  if (control->skip == 0) {
    apply_adam(state, *control, layout.param_floats, each);
    float* running = floats(state.running);
    const auto momentum = static_cast<float>(model::kNormMomentum);
    for (std::int64_t i = 0; i < layout.running_floats; ++i)
      running[i] = fold_running(running[i], batch[i], tail.images, momentum);
  }
  add_to_sums(state, *control, tail, batch + layout.running_floats, latent);
}

}  // namespace vae::engine::cpu
