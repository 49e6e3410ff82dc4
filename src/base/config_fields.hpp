// The fields of a configuration, as a list to walk: validation, JSON and the
// comparison of models need no list of their own.
#pragma once

#include <array>
#include <cstdint>

#include "vae/config.hpp"

namespace vae {

/// The names of an enumeration's values; the first belongs to value 1.
template <class Enum>
struct Names;
// [fields: names] by tools/fields/generate; do not edit
template <>
struct Names<Model> {
  static constexpr std::array list{"vae"};
};
template <>
struct Names<Net> {
  static constexpr std::array list{"conv", "dense"};
};
template <>
struct Names<Likelihood> {
  static constexpr std::array list{"bernoulli", "gaussian"};
};
template <>
struct Names<DeviceKind> {
  static constexpr std::array list{"cpu", "cuda", "auto"};
};
template <>
struct Names<Precision> {
  static constexpr std::array list{"fp32", "tf32", "bf16"};
};
template <>
struct Names<EngineKind> {
  static constexpr std::array list{"auto", "blocks", "fused", "tile"};
};
template <>
struct Names<NonFinite> {
  static constexpr std::array list{"error", "skip"};
};
template <>
struct Names<Graph> {
  static constexpr std::array list{"auto", "on", "off"};
};
// [end of names]

/// Whether a field must agree with a file's when that file is loaded.
enum class Scope { model, run };

/// Allowed are low <= value <= high.
template <class T>
struct Closed {
  T low, high;
};

/// Allowed are low <= value < high.
template <class T>
struct Below {
  T low, high;
};

/// Every value of an enumeration or a bool is allowed; for the rest validate()
/// has a rule of its own.
struct Unchecked {};

/// Calls visit(name, scope, allowed values, pointer to the member of Config)
/// for each field, in the order of Config.
template <class Visit>
void for_each_field(Visit visit) {
  // [fields: fields] by tools/fields/generate; do not edit
  visit("model", Scope::model, Unchecked{}, &Config::model);
  visit("net", Scope::model, Unchecked{}, &Config::net);
  visit("channels", Scope::model, Closed{1u, 4096u}, &Config::channels);
  visit("height", Scope::model, Closed{1u, 4096u}, &Config::height);
  visit("width", Scope::model, Closed{1u, 4096u}, &Config::width);
  visit("latent", Scope::model, Closed{1u, 4096u}, &Config::latent);
  visit("layers", Scope::model, Unchecked{}, &Config::layers);
  visit("likelihood", Scope::model, Unchecked{}, &Config::likelihood);
  visit("sum_gradient", Scope::run, Unchecked{}, &Config::sum_gradient);
  visit("gaussian_sigma", Scope::run, Closed{1e-15, 1e15},
        &Config::gaussian_sigma);
  visit("kl_weight", Scope::run, Closed{0.0, 1e30}, &Config::kl_weight);
  visit("learning_rate", Scope::run, Closed{0.0, 1e30}, &Config::learning_rate);
  visit("beta1", Scope::run, Below{0.0, 1.0}, &Config::beta1);
  visit("beta2", Scope::run, Below{0.0, 1.0}, &Config::beta2);
  visit("epsilon", Scope::run, Closed{1e-37, 1e30}, &Config::epsilon);
  visit("weight_decay", Scope::run, Closed{0.0, 1e30}, &Config::weight_decay);
  visit("clip_norm", Scope::run, Closed{0.0, 1e30}, &Config::clip_norm);
  visit("seed", Scope::run, Unchecked{}, &Config::seed);
  visit("max_batch", Scope::run, Closed{1u, 65536u}, &Config::max_batch);
  visit("samples", Scope::run, Unchecked{}, &Config::samples);
  visit("threads", Scope::run, Closed{0u, 1024u}, &Config::threads);
  visit("keep_gradients", Scope::run, Unchecked{}, &Config::keep_gradients);
  visit("device", Scope::run, Unchecked{}, &Config::device);
  visit("device_index", Scope::run, Closed{0, 1023}, &Config::device_index);
  visit("precision", Scope::run, Unchecked{}, &Config::precision);
  visit("engine", Scope::run, Unchecked{}, &Config::engine);
  visit("nonfinite", Scope::run, Unchecked{}, &Config::nonfinite);
  visit("deterministic", Scope::run, Unchecked{}, &Config::deterministic);
  visit("graph", Scope::run, Unchecked{}, &Config::graph);
  visit("graph_steps", Scope::run, Closed{0u, 64u}, &Config::graph_steps);
  // [end of fields]
}

/// Whether `a` and `b` have the same model: every field of Scope::model.
bool same_model(const Config& a, const Config& b);

}  // namespace vae
