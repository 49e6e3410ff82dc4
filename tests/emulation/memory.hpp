// The emulated device's memory: between canaries, and protected from the host
// except for copies, so that a host access to device memory is a segmentation
// fault here too. For one host thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace vae::emulation {

/// As long as one exists, the process may access the device's memory.
class OpenMemory {
 public:
  OpenMemory();
  ~OpenMemory();
  OpenMemory(const OpenMemory&) = delete;
  OpenMemory& operator=(const OpenMemory&) = delete;
};

/// Zeroed memory, aligned to 256 bytes as in CUDA; null if there is not enough.
/// Bytes around it are NaN if read as float or double.
std::shared_ptr<void> allocate(std::int64_t bytes);

/// Describes the allocations with changed canaries since the last call; empty
/// if there are none.
std::string written_beside();

}  // namespace vae::emulation
