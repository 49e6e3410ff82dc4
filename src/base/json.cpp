// See json.hpp. Names are checked in the parser's callback, because the
// finished tree keeps only the last of two values with one name.
#include "base/json.hpp"

#include <set>
#include <vector>

#include "base/check.hpp"

namespace vae {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMostDepth = 16;  // dump() recurses once per level

}  // namespace

Json parse_json(std::string_view text, const std::string& what) {
  // Names in each open object, outermost first.
  std::vector<std::set<std::string>> names;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    require(depth <= kMostDepth, Status::format, what, " is nested more than ",
            kMostDepth, " deep");
    if (event == Json::parse_event_t::object_start) {
      names.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      names.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& name = value.get_ref<const std::string&>();
      require(names.back().insert(name).second, Status::format, what, " has \"",
              name, "\" twice");
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    fail(Status::format, what, " is not JSON: ", json_problem(error));
  }
}

std::string json_problem(const std::exception& error) {
  const std::string text = error.what();
  // The prefix is such as "[json.exception.parse_error.101] ".
  const std::size_t end = text.find("] ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

}  // namespace vae
