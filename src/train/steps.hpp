// The training step, for every engine and device, for resident datasets and the
// caller's rows.
#pragma once

#include "engine/engine.hpp"

namespace vae::train {

/// `steps` training steps on `input`. More than one is possible for resident
/// rows only: each step finds its batch by the cursor.
void take_steps(engine::Engine& engine, const engine::Input& input, int steps);

}  // namespace vae::train
