// Training passes whose GEMMs and convolutions are LibTorch's.
#pragma once

#include <memory>

#include "engine/blocks/network.hpp"
#include "engine/operations.hpp"
#include "engine/training_pass.hpp"

namespace vae::engine::blocks {

struct BlocksContext : PassContext {
  const Parameters& parameters;
  Operations& operations;
  Network& network;
};

/// With the device's element-wise operations.
std::unique_ptr<TrainingPass> make_torch_pass(const BlocksContext& context);
/// With the device's fused operations.
std::unique_ptr<TrainingPass> make_fused_pass(const BlocksContext& context,
                                              Fusion& fusion);

}  // namespace vae::engine::blocks
