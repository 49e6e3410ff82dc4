// The options of the command line that set fields of a vae_config. Only the
// given fields are changed; the library checks the values.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "handles.hpp"
#include "numbers.hpp"

namespace cli {

/// Options and the fields they set. Must outlive the parsing of `app`.
class Settings {
 public:
  void add_device_options(CLI::App& app);  // device, engine, arithmetic
  void add_model_options(CLI::App& app);   // network, objective, optimizer

  bool gives(const std::string& field) const { return given_.contains(field); }
  bool is(const std::string& field, const nlohmann::json& value) const {
    return gives(field) && given_.at(field) == value;
  }
  void set(const std::string& field, const nlohmann::json& value) {
    given_[field] = value;
  }
  /// `base` with the given fields; a value that the library does not allow is a
  /// usage error.
  vae_config apply(const vae_config& base) const;

 private:
  // Options of three types, each the field `name`.
  CLI::Option* choice(CLI::App& app, const std::string& option,
                      const std::string& name, const std::string& help,
                      const std::set<std::string>& choices);
  CLI::Option* whole(CLI::App& app, const std::string& option,
                     const std::string& name, const std::string& help,
                     const Range& range);
  CLI::Option* number(CLI::App& app, const std::string& option,
                      const std::string& name, const std::string& help);

  void add_schedule_options(CLI::App& app);

  nlohmann::json given_ = nlohmann::json::object();
};

/// The configuration as the library's JSON.
nlohmann::json to_json(const vae_config& config);

}  // namespace cli
