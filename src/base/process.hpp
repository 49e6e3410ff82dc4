// Which process this is. A fork copies memory but only one thread, so whoever
// owns threads or a device compares the number with the one it began with.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace vae {

inline std::int64_t process_id() { return ::getpid(); }

}  // namespace vae
