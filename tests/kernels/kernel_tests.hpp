// The device whose kernels a test program tests. The same tests are built for
// emulated kernels on the CPU and for a GPU, so all data pass through allocate,
// upload and download.
#pragma once

#include "engine/fusion.hpp"
#include "engine/operations.hpp"

namespace vae::engine {

/// One for the whole program.
Device& kernel_device();

}  // namespace vae::engine
