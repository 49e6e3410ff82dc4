// The tile engine: convolutional networks on the CPU, cut into products of
// small tiles with everything else done to a tile while it is in the cache. Its
// threads are its own. It takes the shapes that can be cut so, and leaves all
// others, and other devices, to the blocks engine, which it must equal.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.hpp"

namespace vae::engine::tile {

/// Empty if the tile engine takes this plan with this precision here; else why
/// not, as a sentence.
std::string why_not_tile(const model::Plan& plan, const Config& config,
                         const Device& device);

/// What why_not_tile() has nothing against.
std::unique_ptr<Engine> make_tile_engine(const model::Plan& plan,
                                         const Config& config, Device& device);

}  // namespace vae::engine::tile
