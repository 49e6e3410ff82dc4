// The trainer's State: allocating it, and moving tensors between PyTorch's
// order and the order of the engine's flat buffers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/device.hpp"
#include "engine/state.hpp"

namespace vae::train {

engine::State allocate_state(engine::Device& device,
                             const engine::Layout& layout, std::int64_t latent);

/// One tensor in PyTorch's order; waits for the device.
std::vector<float> read_segment(engine::Device& device,
                                const engine::Segment& segment,
                                const float* buffer);
void write_segment(engine::Device& device, const engine::Segment& segment,
                   const std::vector<float>& values, float* buffer);

/// Describes the first value that must not enter the State, or returns "". All
/// values must be finite; `square`: also not negative (squares and variances).
std::string find_unusable(const std::vector<float>& values, bool square);
bool is_variance(const std::string& name);

}  // namespace vae::train
