// Stands in for CUDA's header of this name: the host's half, as much of it as
// starting our own kernels needs. It is no CUDA: memory, copies and streams are
// the emulated device's business, and there is one device, this process.
#pragma once

#include <cstddef>
#include <type_traits>

#include "emulation/runtime.hpp"

#define __host__
#define __device__
#define __global__

using vae::emulation::dim3;
using vae::emulation::uint3;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorNotSupported = 801,
  cudaErrorLaunchFailure = 719,
};

// Work is done when the call that issues it returns, so every stream is alike.
using cudaStream_t = struct CUstream_st*;

enum cudaLaunchAttributeID {
  cudaLaunchAttributeProgrammaticStreamSerialization = 6,
};
union cudaLaunchAttributeValue {
  int programmaticStreamSerializationAllowed;
};
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  cudaLaunchAttributeValue val;
};

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

namespace vae::emulation {
inline thread_local constinit cudaError_t last_error = cudaSuccess;
}

inline cudaError_t cudaPeekAtLastError() { return vae::emulation::last_error; }

inline cudaError_t cudaGetLastError() {
  const cudaError_t error = vae::emulation::last_error;
  vae::emulation::last_error = cudaSuccess;
  return error;
}

inline const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorNotSupported:
      return "operation not supported by the emulation";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure: the kernel threw";
  }
  return "unrecognized error code";
}

/// Runs the kernel; it has ended when this returns.
template <class... Expected, class... Actual>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config,
                               void (*kernel)(Expected...),
                               Actual&&... actual) {
  static_assert((std::is_trivially_copyable_v<Expected> && ...),
                "a kernel's arguments are copied byte by byte");
  const auto end = [](cudaError_t error) {
    if (error != cudaSuccess) vae::emulation::last_error = error;
    return error;
  };
  if (!vae::emulation::startable(config->gridDim, config->blockDim))
    return end(cudaErrorInvalidConfiguration);
  if (config->dynamicSmemBytes != 0) return end(cudaErrorNotSupported);
  // One lambda holds one copy of the arguments; each thread gets its own.
  const bool ended = vae::emulation::run(
      config->gridDim, config->blockDim,
      [kernel, ... args = Expected(actual)] { kernel(args...); });
  return end(ended ? cudaSuccess : cudaErrorLaunchFailure);
}
