// Stands in for CUDA's header of this name: the host's half, as much of it as
// starting our own kernels needs. It is no CUDA: memory, copies and streams are
// the emulated device's business, and there is one device, this process.
#pragma once

#include <cstddef>
#include <cstdint>
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

enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
};

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

inline cudaError_t note(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

template <class... Args>
auto key_of(void (*kernel)(Args...)) {
  return reinterpret_cast<void (*)()>(kernel);
}
}  // namespace vae::emulation

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
      return "unspecified launch failure: the kernel threw, wrote "
             "behind its shared memory, or waits for ever";
  }
  return "unrecognized error code";
}

template <class... Args>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Args...),
                                 cudaFuncAttribute attribute, int value) {
  using namespace vae::emulation;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize)
    return note(cudaErrorNotSupported);
  return note(allow_shared(key_of(kernel), value) ? cudaSuccess
                                                  : cudaErrorInvalidValue);
}

/// Runs the kernel; it has ended when this returns.
template <class... Expected, class... Actual>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config,
                               void (*kernel)(Expected...),
                               Actual&&... actual) {
  static_assert((std::is_trivially_copyable_v<Expected> && ...),
                "a kernel's arguments are copied byte by byte");
  using namespace vae::emulation;
  if (!startable(config->gridDim, config->blockDim))
    return note(cudaErrorInvalidConfiguration);
  if (config->dynamicSmemBytes > allowed_shared(key_of(kernel)))
    return note(cudaErrorInvalidValue);
  // One lambda holds one copy of the arguments; each thread gets its own.
  const bool ended =
      run(config->gridDim, config->blockDim, config->dynamicSmemBytes,
          [kernel, ... args = Expected(actual)] { kernel(args...); });
  return note(ended ? cudaSuccess : cudaErrorLaunchFailure);
}
