// For comparing the tile engine with another: configurations that reach every
// path, and comparison in PyTorch's order, because each engine has its own.
#pragma once

#include <string>
#include <vector>

#include "engine/tile/tile_engine.hpp"
#include "kernels/engine_subject.hpp"

namespace vae::engine {

/// One channel, blocks of 16, 32 and 64 channels, odd sides.
inline Config small_tiles() {
  Config c;
  c.channels = 1, c.height = 13, c.width = 10;
  c.layers = {16, 32, 64};
  c.latent = 5;
  c.max_batch = 6;
  c.threads = 1;
  c.seed = 11;
  c.kl_weight = 0.5;
  c.device = DeviceKind::cpu;
  return c;
}
/// Three channels, two layers, several blocks of channels.
inline Config colour_tiles() {
  Config c = small_tiles();
  c.channels = 3, c.height = c.width = 8;
  c.layers = {48, 128};
  c.likelihood = Likelihood::gaussian;
  c.gaussian_sigma = 0.3;
  return c;
}
/// Several blocks of images.
inline Config many_images() {
  Config c = small_tiles();
  c.height = c.width = 8;
  c.layers = {16, 16};
  c.max_batch = 150;
  return c;
}

inline std::unique_ptr<Subject> on_cpu(Config c, EngineKind kind) {
  c.engine = kind;
  return std::make_unique<Subject>(
      c, make_cpu_device(static_cast<int>(c.threads)));
}

/// Whether the engine is supported here; prints the reason if not.
inline bool runs_here() {
  const auto device = make_cpu_device(1);
  const Config config = small_tiles();
  const std::string why =
      tile::why_not_tile(model::make_plan(config), config, *device);
  if (!why.empty()) MESSAGE("skipped: ", why);
  return why.empty();
}

/// A tensor of a flat buffer in PyTorch's order.
inline std::vector<float> tensor_of(const Subject& s, const Segment& segment,
                                    const float* buffer) {
  return train::read_segment(*s.device, segment, buffer);
}

/// Where tensors of two engines differ by more than `tolerance` of a tensor's
/// largest value; empty if nowhere.
inline std::string tensors_differ(const Subject& a, const Subject& b,
                                  const float* in_a, const float* in_b,
                                  double tolerance) {
  const Layout &la = a.engine->layout(), &lb = b.engine->layout();
  for (std::size_t i = 0; i < la.params.size(); ++i) {
    const auto x = tensor_of(a, la.params[i], in_a);
    const auto y = tensor_of(b, lb.params[i], in_b);
    const std::string where =
        further(x, y, 0, static_cast<std::int64_t>(x.size()), tolerance);
    if (!where.empty()) return a.plan.params[i].name + ": " + where;
  }
  return {};
}
inline std::string running_differ(const Subject& a, const Subject& b,
                                  const float* in_a, const float* in_b,
                                  double tolerance) {
  const Layout &la = a.engine->layout(), &lb = b.engine->layout();
  for (std::size_t i = 0; i < la.running.size(); ++i) {
    const auto x = tensor_of(a, la.running[i], in_a);
    const auto y = tensor_of(b, lb.running[i], in_b);
    const std::string where =
        further(x, y, 0, static_cast<std::int64_t>(x.size()), tolerance);
    if (!where.empty()) return a.plan.running[i].name + ": " + where;
  }
  return {};
}

/// Gradients, the batch's statistics and its sums.
inline std::string reduced_differ(const Subject& a, const Subject& b,
                                  double tolerance) {
  const float *x = floats(a.state.reduced), *y = floats(b.state.reduced);
  std::string where = tensors_differ(a, b, x, y, tolerance);
  if (!where.empty()) return "gradient of " + where;
  const Layout &la = a.engine->layout(), &lb = b.engine->layout();
  x += la.param_floats, y += lb.param_floats;
  where = running_differ(a, b, x, y, tolerance);
  if (!where.empty()) return "batch statistic " + where;
  x += la.running_floats, y += lb.running_floats;
  const std::int64_t n = tail_floats(a.plan.latent);
  for (std::int64_t i = 0; i < n; ++i) {
    const double size = std::max(1.0, std::abs(double{x[i]}));
    if (!(std::abs(double{x[i]} - double{y[i]}) <= tolerance * size))
      return "sum " + std::to_string(i) + ": " + std::to_string(x[i]) +
             " and " + std::to_string(y[i]);
  }
  return {};
}

}  // namespace vae::engine
