// A device that runs our CUDA kernels as they are written, on the CPU and
// slowly: for tests on machines without a GPU. It is no way to train.
#pragma once

#include <memory>

#include "engine/device.hpp"

namespace vae::emulation {

/// Its memory is memory.hpp's. After every operation it throws Error(internal)
/// if a kernel wrote beside a piece of memory.
std::unique_ptr<engine::Device> make_emulated_device();

}  // namespace vae::emulation
