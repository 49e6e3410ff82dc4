// require(condition, status, text…) reports a caller's mistake. The text is
// composed only if the condition is false. For bugs of libvae use GSL's Expects
// and Ensures.
#pragma once

#include <locale>
#include <sstream>
#include <string>

#include "vae/error.hpp"

namespace vae {

template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());  // not the host's "1,000"
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
