// Captures the work on a stream as a CUDA graph. All graphs of a stream share
// one memory pool of LibTorch's allocator: they run one after the other and
// keep no data in it.
#pragma once

#include <c10/cuda/CUDAStream.h>

#include <memory>

#include "engine/recorder.hpp"

namespace vae::engine::cuda {

std::unique_ptr<Capturer> make_capturer(c10::cuda::CUDAStream stream);

}  // namespace vae::engine::cuda
