// Identifies this process. fork() copies memory but only one thread, so owners
// of threads or a device compare this with the value at their construction.
#pragma once

#include <unistd.h>

#include <cstdint>

namespace vae {

inline std::int64_t process_id() { return ::getpid(); }

}  // namespace vae
