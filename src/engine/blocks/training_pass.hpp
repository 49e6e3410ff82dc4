// One batch forward and backward through network, latent code and likelihood,
// into State::reduced. Knows no optimizer and keeps nothing between batches.
#pragma once

#include <memory>

#include "engine/blocks/network.hpp"
#include "engine/device.hpp"
#include "engine/state.hpp"
#include "vae/config.hpp"

namespace vae::engine::blocks {

/// What a pass works with; everything outlives it.
struct PassContext {
  const model::Plan& plan;
  const Layout& layout;
  const Config& config;
  const Parameters& parameters;
  Device& device;
  Network& network;
  const State& state;

  float* tail() const {
    return floats(state.reduced) + layout.param_floats + layout.running_floats;
  }
  const Control* control() const {
    return static_cast<const Control*>(state.control.get());
  }
};

class TrainingPass {
 public:
  virtual ~TrainingPass() = default;
  /// `input` float32 [count, H, W, C]; overwrites or adds to State::reduced.
  virtual void run(float* input, std::int64_t count, std::uint64_t first_image,
                   bool accumulate) = 0;
};

/// By the device's element-wise operations.
std::unique_ptr<TrainingPass> make_torch_pass(const PassContext& context);
/// By its fused ones; `ops` are those of the network.
std::unique_ptr<TrainingPass> make_fused_pass(const PassContext& context,
                                              Fusion& fusion);

}  // namespace vae::engine::blocks
