// The training step, for every engine and device, for resident datasets and the
// caller's rows.
#pragma once

#include "engine/engine.hpp"
#include "train/health.hpp"

namespace vae::train {

/// `steps` training steps on `input`. More than one is possible for resident
/// rows only: each step finds its batch by the cursor. `health` is poisoned if
/// a commit fails; null on a GPU, where a commit only issues work.
void take_steps(engine::Engine& engine, const engine::Input& input, int steps,
                Health* health);

}  // namespace vae::train
