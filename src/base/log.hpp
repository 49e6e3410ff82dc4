// The library's log: messages go to a callback that the host may set.
#pragma once

#include <cstdint>

#include "base/check.hpp"

namespace vae {

enum class LogLevel : std::int32_t { warning = 1, information = 2, detail = 3 };

void log_text(LogLevel level, const std::string& text);
bool log_wanted(LogLevel level) noexcept;

template <class... Parts>
void log(LogLevel level, const Parts&... parts) {
  if (log_wanted(level)) log_text(level, join(parts...));
}

}  // namespace vae
