// A device that runs libvae's CUDA kernels unchanged on the CPU: slow, for
// tests on machines without a GPU.
#pragma once

#include <memory>

#include "engine/device.hpp"

namespace vae::emulation {

/// Its memory is that of memory.hpp. After every operation it throws
/// Error(internal) if a kernel wrote outside of an allocation.
std::unique_ptr<engine::Device> make_emulated_device();

}  // namespace vae::emulation
