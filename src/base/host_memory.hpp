// Memory that this process can still allocate: the smaller of what the machine
// and its control group (a container, a batch job) have left. Reads files of
// the kernel.
#pragma once

#include <cstdint>
#include <string>

namespace vae {

/// In bytes; INT64_MAX if unknown.
std::int64_t available_host_memory();

/// The same from the kernel's files below `root`; for tests.
std::int64_t available_host_memory(const std::string& root);

/// Error(memory) with both numbers if `what`, which takes `bytes`, is more than
/// available. Linux promises more memory than there is, and ends the process
/// that makes use of it.
void require_host_memory(std::int64_t bytes, const char* what);

}  // namespace vae
