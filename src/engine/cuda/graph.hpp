// Recording what is issued on a stream as a CUDA graph. LibTorch's allocator
// lends a pool of memory that all recordings of a stream share: they are
// replayed one after the other and keep nothing in it.
#pragma once

#include <c10/cuda/CUDAStream.h>

#include <memory>

#include "engine/recorder.hpp"

namespace vae::engine::cuda {

std::unique_ptr<Capturer> make_capturer(c10::cuda::CUDAStream stream);

}  // namespace vae::engine::cuda
