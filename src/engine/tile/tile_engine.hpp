// The tile engine: convolutional networks on the CPU as small GEMMs of tiles,
// with everything else done in their epilogues, while a tile is in the cache.
// It has threads of its own. Other networks and devices are left to the blocks
// engine, whose results it must equal. docs/tile.md explains it.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.hpp"

namespace vae::engine::tile {

/// Empty if the tile engine takes this plan with this precision here; else why
/// not, as a sentence.
std::string why_not_tile(const model::Plan& plan, const Config& config,
                         const Device& device);

/// For a plan and configuration that why_not_tile() accepts. Makes no
/// workspace.
TrainingBytes tile_bytes(const model::Plan& plan, const Config& config);

/// For a plan and configuration that why_not_tile() accepts.
std::unique_ptr<Engine> make_tile_engine(const model::Plan& plan,
                                         const Config& config, Device& device);

}  // namespace vae::engine::tile
