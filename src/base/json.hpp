// JSON that somebody else wrote, as a tree. Stricter than the JSON library: an
// object's names are unique, and nesting ends somewhere.
#pragma once

#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace vae {

/// Error(format), beginning with `what`, for what is not JSON, for an object
/// with a name twice, and for objects and arrays more than 16 deep.
nlohmann::ordered_json parse_json(std::string_view text,
                                  const std::string& what);

/// The text of the JSON library's error without the name that it gives it.
std::string json_problem(const std::exception& error);

}  // namespace vae
