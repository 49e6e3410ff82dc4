// The blocks engine for those who only make one.
#pragma once

#include <memory>

#include "engine/engine.hpp"

namespace vae::engine::blocks {

/// `fusion` null: LibTorch's own functions between the products; else the fused
/// engine over that device's.
std::unique_ptr<Engine> make_blocks_engine(const model::Plan& plan,
                                           const Config& config, Device& device,
                                           Fusion* fusion);

}  // namespace vae::engine::blocks
