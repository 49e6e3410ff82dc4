// The training step: the one place that says what it is made of, for every
// engine and device, for resident data sets and rows from elsewhere.
#pragma once

#include "engine/engine.hpp"

namespace vae::train {

/// `steps` training steps of `input`'s batch; more than one for resident rows
/// only, whose next batch each step finds by the cursor.
void take_steps(engine::Engine& engine, const engine::Input& input, int steps);

}  // namespace vae::train
