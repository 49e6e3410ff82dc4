// One batch forward and backward through network, latent code and likelihood,
// into State::reduced. Knows no optimizer and keeps nothing between batches.
#pragma once

#include <cstdint>

#include "engine/operations.hpp"
#include "engine/state.hpp"
#include "model/plan.hpp"
#include "vae/config.hpp"

namespace vae::engine {

/// What a pass works with; everything outlives it.
struct PassContext {
  const model::Plan& plan;
  const Layout& layout;
  const Config& config;
  const State& state;

  float* tail() const { return tail_of(state, layout); }
  Control* control() const {
    return static_cast<Control*>(state.control.get());
  }
};

class TrainingPass {
 public:
  virtual ~TrainingPass() = default;
  /// `input` float32 [count, H, W, C]; overwrites or adds to State::reduced.
  virtual void run(float* input, std::int64_t count, std::uint64_t first_image,
                   bool accumulate) = 0;
  /// Of the gradient as the last run() left it.
  virtual GradientNorm norm() const { return {}; }
};

/// A pass by a device's own products, which also runs the network alone, with
/// running statistics, for at most max_batch images.
class DevicePass : public TrainingPass {
 public:
  /// `images` float32 [count, H, W, C] to heads [count, 2 * latent].
  virtual void encode(const float* images, std::int64_t count,
                      float* heads) = 0;
  /// `codes` [count, latent] to the decoder's output [count, H, W, C].
  virtual void decode(const float* codes, std::int64_t count,
                      float* output) = 0;
};

}  // namespace vae::engine
