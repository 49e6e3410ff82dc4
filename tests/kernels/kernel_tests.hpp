// The device whose kernels a test program looks at. The same tests are built
// for our kernels emulated on the CPU and for a GPU, so what they give to the
// device and what they want of it goes through allocate, upload and download.
#pragma once

#include "engine/fusion.hpp"
#include "engine/operations.hpp"

namespace vae::engine {

/// One for the whole program.
Device& kernel_device();

}  // namespace vae::engine
