// Converts a configuration to a JSON object and back. Both directions use one
// list of fields.
#include <array>
#include <limits>
#include <set>

#include "base/check.hpp"
#include "base/json.hpp"
#include "vae/config.hpp"

namespace vae {
namespace {

using Json = nlohmann::ordered_json;

/// The names of an enumeration's values; the first belongs to value 1.
template <class Enum>
struct Names;
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
struct Names<Graph> {
  static constexpr std::array list{"auto", "on", "off"};
};
template <>
struct Names<NonFinite> {
  static constexpr std::array list{"error", "skip"};
};

/// Calls visit(name, field) for every field, in the order of Config.
template <class Config, class Visit>
void for_each_field(Config& c, Visit visit) {
  visit("model", c.model);
  visit("net", c.net);
  visit("channels", c.channels);
  visit("height", c.height);
  visit("width", c.width);
  visit("latent", c.latent);
  visit("layers", c.layers);
  visit("likelihood", c.likelihood);
  visit("sum_gradient", c.sum_gradient);
  visit("gaussian_sigma", c.gaussian_sigma);
  visit("kl_weight", c.kl_weight);
  visit("learning_rate", c.learning_rate);
  visit("beta1", c.beta1);
  visit("beta2", c.beta2);
  visit("epsilon", c.epsilon);
  visit("weight_decay", c.weight_decay);
  visit("clip_norm", c.clip_norm);
  visit("seed", c.seed);
  visit("max_batch", c.max_batch);
  visit("samples", c.samples);
  visit("threads", c.threads);
  visit("keep_gradients", c.keep_gradients);
  visit("device", c.device);
  visit("device_index", c.device_index);
  visit("precision", c.precision);
  visit("engine", c.engine);
  visit("nonfinite", c.nonfinite);
  visit("deterministic", c.deterministic);
  visit("graph", c.graph);
  visit("graph_steps", c.graph_steps);
}

template <class T>
Json write(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    const auto index = static_cast<std::size_t>(value) - 1;
    return Names<T>::list.at(index);
  } else {
    return value;
  }
}

[[noreturn]] void wrong_type(const std::string& name, const Json& json,
                             const char* wanted) {
  fail(Status::format, name, " is ", json.dump(), "; expected ", wanted);
}

template <class T>
void read_integer(const std::string& name, const Json& json, T& field) {
  // A double such as 28.0 is an error: it may have lost digits.
  if (!json.is_number_integer()) wrong_type(name, json, "a whole number");
  const bool negative = !json.is_number_unsigned() && json.get<int64_t>() < 0;
  const bool fits = negative
                        ? std::cmp_greater_equal(json.get<std::int64_t>(),
                                                 std::numeric_limits<T>::min())
                        : std::cmp_less_equal(json.get<std::uint64_t>(),
                                              std::numeric_limits<T>::max());
  require(fits, Status::argument, name, " is ", json.dump(), "; allowed are ",
          std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max());
  field = json.get<T>();
}

template <class T>
void read(const std::string& name, const Json& json, T& field) {
  if constexpr (std::is_enum_v<T>) {
    std::string allowed;
    for (std::size_t i = 0; i < Names<T>::list.size(); ++i) {
      const char* option = Names<T>::list[i];
      if (json == option) {
        field = static_cast<T>(i + 1);
        return;
      }
      allowed += join(i > 0 ? ", \"" : "\"", option, "\"");
    }
    fail(Status::argument, name, " is ", json.dump(), "; allowed are ",
         allowed);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) wrong_type(name, json, "true or false");
    field = json.get<bool>();
  } else if constexpr (std::is_same_v<T, double>) {
    if (!json.is_number()) wrong_type(name, json, "a number");
    field = json.get<double>();
  } else if constexpr (std::is_integral_v<T>) {
    read_integer(name, json, field);
  } else {
    if (!json.is_array()) wrong_type(name, json, "an array of whole numbers");
    field.assign(json.size(), 0);
    for (std::size_t i = 0; i < json.size(); ++i)
      read_integer(join(name, "[", i, "]"), json[i], field[i]);
  }
}

}  // namespace

std::string to_json(const Config& config) {
  validate(config);
  Json json = Json::object();
  for_each_field(config, [&](const char* name, const auto& field) {
    json[name] = write(field);
  });
  return json.dump();
}

Config config_from_json(std::string_view text) {
  const Json json = parse_json(text, "the configuration");
  require(json.is_object(), Status::format,
          "the configuration is not a JSON object");
  Config config;
  std::set<std::string> known;
  for_each_field(config, [&](const char* name, auto& field) {
    known.insert(name);
    if (json.contains(name)) read(name, json[name], field);
  });
  for (const auto& [name, value] : json.items())
    require(known.contains(name), Status::argument, "\"", name,
            "\" is not a field of the configuration");
  validate(config);
  return config;
}

}  // namespace vae
