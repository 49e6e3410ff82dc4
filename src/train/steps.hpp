// The training step, for every engine and device, for resident datasets and the
// caller's rows.
#pragma once

#include "engine/engine.hpp"
#include "train/health.hpp"

namespace vae::train {

/// `steps` training steps on `input`. More than one is possible for resident
/// rows only: each step finds its batch by the cursor. `health` is poisoned if
/// a commit fails; null on a GPU, where a commit only issues work.
inline void take_steps(engine::Engine& engine, const engine::Input& input,
                       int steps, Health* health) {
  const engine::RowSource& rows = input.rows;
  const bool resident = rows.place == engine::Place::resident;
  // The caller's rows have another address in every call, so loading them
  // cannot be part of a recorded graph.
  if (!resident) engine.load(input);
  const auto step = [&] {
    if (resident) engine.load(input);
    engine.gradients(false);
    // An all-reduce of State::reduced over processes would go here.
    if (health == nullptr) return engine.update();
    health->commit([&] { engine.update(); });
  };
  const engine::WorkKey key{"train",
                            rows.count,
                            steps,
                            resident ? rows.data : nullptr,
                            static_cast<std::int32_t>(rows.type),
                            input.first_image};
  engine.issue(key, [&] {
    for (int i = 0; i < steps; ++i) step();
  });
}

}  // namespace vae::train
