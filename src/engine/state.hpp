// All that a training run is made of: flat buffers in an order that the engine
// chose and published as data, and one Control. With it, and nothing else, a
// run can be saved, moved and continued.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/order.hpp"
#include "model/plan.hpp"

namespace vae::engine {

/// One axis of a tensor: extent, stride in PyTorch's order, stride in the flat
/// buffer, both in elements.
struct Dim {
  std::int64_t size, canonical, flat;
};

/// Where a tensor lies in its flat buffer.
struct Segment {
  std::int64_t offset = 0;
  std::vector<Dim> dims;
};

/// The order of the flat buffers. Segment i of `params` belongs to
/// Plan::params[i], of `running` to Plan::running[i]. Padding between segments
/// is zero and stays zero.
struct Layout {
  std::vector<Segment> params, running;
  std::int64_t param_floats = 0, running_floats = 0;
};
/// Where the next segment begins: no two share a cache line of 64 floats.
constexpr std::int64_t aligned_offset(std::int64_t offset) {
  return (offset + 63) / 64 * 64;
}

/// Sums over the images of a batch.
template <class T>
struct BasicTail {
  T loss, recon, kl, mse, images;
  T nonfinite;  // > 0: a loss was NaN or infinite, commit nothing
};
/// Those of one batch, at the end of State::reduced: floats, so that one
/// all-reduce carries gradient, statistics and metrics.
using Tail = BasicTail<float>;
inline constexpr std::int64_t kTailFloats = sizeof(Tail) / sizeof(float);
/// After the Tail: sums over images of kl, mean and mean^2 per dimension.
constexpr std::int64_t tail_floats(std::int64_t latent) {
  return kTailFloats + 3 * latent;
}

/// Sums of the committed steps since they were last read, in double.
struct Sums {
  double loss, recon, kl, mse, images;
  double gradient_square;  // of the unclipped, scaled gradient
  double steps, skipped, nonfinite;
};
inline constexpr std::int64_t kSumDoubles = sizeof(Sums) / sizeof(double);
constexpr std::int64_t sum_doubles(std::int64_t latent) {
  return kSumDoubles + 3 * latent;
}

/// What the host sets between steps. It lies on the device, so that a recorded
/// step reads it anew each time it is replayed.
struct Settings {
  double learning_rate, beta1, beta2, epsilon, weight_decay, clip_norm;
  // The loss is reconstruction + kl_weight * KL. With a KL warm-up every update
  // sets it anew, from kl_full_weight.
  double kl_weight;
  std::uint64_t mean_gradient;  // 1: divide the gradient by the images
  std::uint64_t sgd;            // 1: momentum beta1 instead of Adam
  // Schedules, in updates; 0: none.
  std::uint64_t warmup, cosine_end;
  double cosine_floor;  // share of the learning rate
  std::uint64_t kl_warmup, kl_cycle;
  double kl_full_weight;
};

/// Where training is. Lies on the device as well, and every update advances it,
/// so that steps follow each other without the host.
struct Cursor {
  std::uint64_t step = 0;      // issued; keys the noise
  std::uint64_t position = 0;  // images of the epoch already trained on
  Order order;                 // of a resident data set; count 0: there is none
  bool operator==(const Cursor&) const = default;
};

/// What steers an update and what the last one decided (math/update.hpp).
struct Control : Settings {
  Cursor cursor;
  std::uint64_t updates;  // applied; Adam's t is updates + 1
  double gradient_square;
  float scale, step_size, second_scale;
  std::uint32_t skip;
};

/// Owned memory on a device; the deleter knows how to give it back.
using Buffer = std::shared_ptr<void>;

struct State {
  Buffer param, moment1, moment2;  // fp32 [param_floats]
  Buffer reduced;  // fp32 [param_floats | running_floats | tail_floats]
  Buffer running;  // fp32 [running_floats], PyTorch's convention
  // After `reduced`, in the same allocation, so that one copy reads all three:
  Buffer sums;     // fp64 [sum_doubles]
  Buffer control;  // one Control
};

inline float* floats(const Buffer& buffer) {
  return static_cast<float*>(buffer.get());
}

/// The Tail at the end of State::reduced.
inline float* tail_of(const State& state, const Layout& layout) {
  return floats(state.reduced) + layout.param_floats + layout.running_floats;
}

}  // namespace vae::engine
