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
template <>
struct Names<Optimizer> {
  static constexpr std::array list{"adam", "sgd"};
};
template <>
struct Names<Schedule> {
  static constexpr std::array list{"constant", "cosine"};
};
// [end of names]

/// Whether a field must agree with a file's when that file is loaded.
enum class Scope { model, run };

struct Field {
  const char* name;  // in JSON and error texts
  Scope scope;
  /// Left out of files at its default, so that files of configurations without
  /// it are those of versions that did not have it.
  bool later = false;
};

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

/// Calls visit(Field, allowed values, pointer to the member of Config) for each
/// field, in the order of Config.
template <class Visit>
void for_each_field(Visit visit) {
  // [fields: fields] by tools/fields/generate; do not edit
  visit(Field{"model", Scope::model}, Unchecked{}, &Config::model);
  visit(Field{"net", Scope::model}, Unchecked{}, &Config::net);
  visit(Field{"channels", Scope::model}, Closed{1u, 4096u}, &Config::channels);
  visit(Field{"height", Scope::model}, Closed{1u, 4096u}, &Config::height);
  visit(Field{"width", Scope::model}, Closed{1u, 4096u}, &Config::width);
  visit(Field{"latent", Scope::model}, Closed{1u, 4096u}, &Config::latent);
  visit(Field{"layers", Scope::model}, Unchecked{}, &Config::layers);
  visit(Field{"likelihood", Scope::model}, Unchecked{}, &Config::likelihood);
  visit(Field{"sum_gradient", Scope::run}, Unchecked{}, &Config::sum_gradient);
  visit(Field{"gaussian_sigma", Scope::run}, Closed{1e-15, 1e15},
        &Config::gaussian_sigma);
  visit(Field{"kl_weight", Scope::run}, Closed{0.0, 1e30}, &Config::kl_weight);
  visit(Field{"learning_rate", Scope::run}, Closed{0.0, 1e30},
        &Config::learning_rate);
  visit(Field{"beta1", Scope::run}, Below{0.0, 1.0}, &Config::beta1);
  visit(Field{"beta2", Scope::run}, Below{0.0, 1.0}, &Config::beta2);
  visit(Field{"epsilon", Scope::run}, Closed{1e-37, 1e30}, &Config::epsilon);
  visit(Field{"weight_decay", Scope::run}, Closed{0.0, 1e30},
        &Config::weight_decay);
  visit(Field{"clip_norm", Scope::run}, Closed{0.0, 1e30}, &Config::clip_norm);
  visit(Field{"seed", Scope::run}, Unchecked{}, &Config::seed);
  visit(Field{"max_batch", Scope::run}, Closed{1u, 65536u}, &Config::max_batch);
  visit(Field{"samples", Scope::run}, Unchecked{}, &Config::samples);
  visit(Field{"threads", Scope::run}, Closed{0u, 1024u}, &Config::threads);
  visit(Field{"keep_gradients", Scope::run}, Unchecked{},
        &Config::keep_gradients);
  visit(Field{"device", Scope::run}, Unchecked{}, &Config::device);
  visit(Field{"device_index", Scope::run}, Closed{0, 1023},
        &Config::device_index);
  visit(Field{"precision", Scope::run}, Unchecked{}, &Config::precision);
  visit(Field{"engine", Scope::run}, Unchecked{}, &Config::engine);
  visit(Field{"nonfinite", Scope::run}, Unchecked{}, &Config::nonfinite);
  visit(Field{"deterministic", Scope::run}, Unchecked{},
        &Config::deterministic);
  visit(Field{"graph", Scope::run}, Unchecked{}, &Config::graph);
  visit(Field{"graph_steps", Scope::run}, Closed{0u, 64u},
        &Config::graph_steps);
  visit(Field{"optimizer", Scope::run, true}, Unchecked{}, &Config::optimizer);
  visit(Field{"schedule", Scope::run, true}, Unchecked{}, &Config::schedule);
  visit(Field{"schedule_floor", Scope::run, true}, Closed{0.0, 1.0},
        &Config::schedule_floor);
  visit(Field{"schedule_updates", Scope::run, true}, Unchecked{},
        &Config::schedule_updates);
  visit(Field{"warmup_updates", Scope::run, true}, Unchecked{},
        &Config::warmup_updates);
  visit(Field{"kl_warmup_updates", Scope::run, true}, Unchecked{},
        &Config::kl_warmup_updates);
  visit(Field{"kl_cycle_updates", Scope::run, true}, Unchecked{},
        &Config::kl_cycle_updates);
  // [end of fields]
}

/// The configuration as files hold it: to_json() without later fields at their
/// defaults.
std::string to_file_json(const Config& config);

/// Whether `a` and `b` have the same model: every field of Scope::model.
bool same_model(const Config& a, const Config& b);

}  // namespace vae
