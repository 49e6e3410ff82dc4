// Which tensor cores emulated devices say they have.
#pragma once

#include "engine/cuda/gemm.hpp"

namespace vae::engine {

/// Of devices that are made from now on; a test may set it.
cuda::TensorCores& emulated_tensor_cores();

}  // namespace vae::engine
