// The passes over LibTorch's products. See engine/training_pass.hpp.
#pragma once

#include <memory>

#include "engine/blocks/network.hpp"
#include "engine/device.hpp"
#include "engine/training_pass.hpp"

namespace vae::engine::blocks {

struct BlocksContext : PassContext {
  const Parameters& parameters;
  Device& device;
  Network& network;
};

/// By the device's element-wise operations.
std::unique_ptr<TrainingPass> make_torch_pass(const BlocksContext& context);
/// By its fused ones; `ops` are those of the network.
std::unique_ptr<TrainingPass> make_fused_pass(const BlocksContext& context,
                                              Fusion& fusion);

}  // namespace vae::engine::blocks
