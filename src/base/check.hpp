// require(condition, status, text…) reports a caller's mistake. The text is
// composed only if the condition is false. expect(condition) reports a bug of
// libvae. Both throw; GSL's Expects, Ensures, at and not_null are not used,
// because they end the host's process.
#pragma once

#include <locale>
#include <source_location>
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

/// Error(internal) with the file's name and line if `condition` is false.
inline void expect(bool condition, const std::source_location& where =
                                       std::source_location::current()) {
  if (condition) return;
  const std::string file = where.file_name();
  fail(Status::internal, "a defect of libvae: a contract is broken at ",
       file.substr(file.find_last_of('/') + 1), ":", where.line());
}

}  // namespace vae
