// One way to refuse a caller's mistake: require(condition, status, text…). The
// pieces of the text are only put together when the condition is false. For
// our own defects use GSL's Expects and Ensures instead.
#pragma once

#include <locale>
#include <sstream>
#include <string>

#include "vae/error.hpp"

namespace vae {

template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());  // a host's "1,000" is no number here
  (text << ... << parts);
  return text.str();
}

template <class... Parts>
[[noreturn]] void fail(Status status, const Parts&... parts) {
  throw Error(status, join(parts...));
}

template <class... Parts>
void require(bool condition, Status status, const Parts&... parts) {
  if (!condition) fail(status, parts...);
}

}  // namespace vae
