// How much memory this process may still take before the system ends it: what
// the machine has left, and what its control group (a container, a batch job)
// has left. Reads files of the kernel; allocates nothing large.
#pragma once

#include <cstdint>
#include <string>

namespace vae {

/// Bytes; INT64_MAX where the system does not say.
std::int64_t available_host_memory();

/// The same from the kernel's files below `root`, which is "" but in tests.
std::int64_t available_host_memory(const std::string& root);

}  // namespace vae
