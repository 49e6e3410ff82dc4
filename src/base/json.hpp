// Parses untrusted JSON. Stricter than the JSON library: names in an object are
// unique, and nesting is limited.
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vae {

/// Error(format), beginning with `what`, for invalid JSON, for a duplicate name
/// in an object, and for nesting more than 16 deep.
nlohmann::ordered_json parse_json(std::string_view text,
                                  const std::string& what);

/// The JSON library's error text without its "[json.exception...]" prefix.
std::string json_problem(const std::exception& error);

}  // namespace vae
