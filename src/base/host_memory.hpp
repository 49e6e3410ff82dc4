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

}  // namespace vae
