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

/// Error(memory) with both numbers if `what`, which takes `bytes`, is more than
/// available. Linux promises more memory than there is, and ends the process
/// that makes use of it.
void require_host_memory(std::int64_t bytes, const char* what);

}  // namespace vae
