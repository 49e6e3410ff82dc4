// The emulated device's memory: between canaries, and closed to the host but
// for copies, so that code which forgets that a GPU's memory is elsewhere ends
// in a segmentation fault here as well. For one host thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace vae::emulation {

/// While one lives, the process may touch the device's memory.
class OpenMemory {
 public:
  OpenMemory();
  ~OpenMemory();
  OpenMemory(const OpenMemory&) = delete;
  OpenMemory& operator=(const OpenMemory&) = delete;
};

/// Zeroed memory, aligned to 256 bytes as CUDA's; null if there is not enough.
/// What lies around it is NaN to whoever reads it as float or double.
std::shared_ptr<void> allocate(std::int64_t bytes);

/// Which pieces of memory somebody wrote beside since the last call, as a
/// sentence; empty: none.
std::string written_beside();

}  // namespace vae::emulation
