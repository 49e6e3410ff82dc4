// Converts a configuration to a JSON object and back.
#include <limits>
#include <set>

#include "base/check.hpp"
#include "base/config_fields.hpp"
#include "base/json.hpp"
#include "vae/config.hpp"

namespace vae {
namespace {

using Json = nlohmann::ordered_json;

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

/// Of the fields that `wanted` takes: wanted(field, whether it is at its
/// default).
template <class Wanted>
std::string write_fields(const Config& config, Wanted wanted) {
  validate(config);
  const Config defaults;
  Json json = Json::object();
  for_each_field([&](Field field, auto, auto member) {
    if (wanted(field, config.*member == defaults.*member))
      json[field.name] = write(config.*member);
  });
  return json.dump();
}

}  // namespace

// Every field, defaults too: a reader sees what was in force, and a later
// version may have other defaults.
std::string to_json(const Config& config) {
  return write_fields(config, [](Field, bool) { return true; });
}

std::string to_file_json(const Config& config) {
  return write_fields(config, [](Field field, bool at_default) {
    return !(field.later && at_default);
  });
}

// An unknown name is an error: it is most likely a misspelt field, whose
// default would silently be used.
Config config_from_json(std::string_view text) {
  const Json json = parse_json(text, "the configuration");
  require(json.is_object(), Status::format,
          "the configuration is not a JSON object");
  Config config;
  std::set<std::string> known;
  for_each_field([&](Field field, auto, auto member) {
    known.insert(field.name);
    if (json.contains(field.name))
      read(field.name, json[field.name], config.*member);
  });
  for (const auto& [name, value] : json.items())
    require(known.contains(name), Status::argument, "\"", name,
            "\" is not a field of the configuration");
  validate(config);
  return config;
}

}  // namespace vae
