// Every CUDA call is checked here: what failed, and what CUDA says of it.
// LibTorch's failures are made ours, so that nothing else leaves this room.
#pragma once

#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>

#include "base/check.hpp"

namespace vae::engine::cuda {

inline void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  // CUDA also keeps it for the thread's next question, which may be the host's.
  (void)cudaGetLastError();
  // Our own handles are valid, so a wrong one is the caller's stream.
  const Status status = error == cudaErrorMemoryAllocation ? Status::memory
                        : error == cudaErrorInvalidResourceHandle
                            ? Status::argument
                            : Status::device;
  fail(status, "CUDA failed while ", doing, ": ", cudaGetErrorString(error));
}

template <class Work>
auto translated(Work work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    fail(Status::memory, "LibTorch on CUDA: ", error.what_without_backtrace());
  } catch (const c10::Error& error) {
    fail(Status::device, "LibTorch on CUDA: ", error.what_without_backtrace());
  }
}

}  // namespace vae::engine::cuda
