// Factory of the blocks and fused engines, without LibTorch's headers.
#pragma once

#include <memory>

#include "engine/engine.hpp"
#include "engine/operations.hpp"

namespace vae::engine::blocks {

/// `fusion` null: the blocks engine; else the fused engine with that device's
/// fused operations.
std::unique_ptr<Engine> make_blocks_engine(const model::Plan& plan,
                                           const Config& config, Device& device,
                                           Fusion* fusion);

}  // namespace vae::engine::blocks
