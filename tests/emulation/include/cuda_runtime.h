// Stands in for CUDA's header of this name, so that a .cu file compiles as C++
// as it stands: the device's half. What our kernels do not use is missing, and
// a kernel that needs it does not compile: textures, votes, inline PTX. What
// they do with warps and dynamic shared memory is in
// engine/cuda/tensor_core.cuh.
#pragma once

#include <atomic>
#include <type_traits>

#include "cuda_runtime_api.h"

// One block runs at a time, so its shared variables may be static ones.
#define __shared__ static
#define __constant__ static
#define __forceinline__ inline
#define __align__(bytes) alignas(bytes)
#define __launch_bounds__(...)

using vae::emulation::blockDim;
using vae::emulation::blockIdx;
using vae::emulation::gridDim;
using vae::emulation::threadIdx;

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) {
  return {x, y, z, w};
}
inline double2 make_double2(double x, double y) { return {x, y}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
  return {x, y, z, w};
}

inline void __syncthreads() { vae::emulation::sync_block(); }
/// All lanes that have not ended, whatever the mask.
inline void __syncwarp(unsigned = ~0u) { vae::emulation::sync_warp(); }

// Threads meet through atomics and barriers that order memory as they are;
// blocks follow each other. There is nothing left for a fence to do.
inline void __threadfence() {}
inline void __threadfence_block() {}

// Kernels follow each other too.
inline void cudaGridDependencySynchronize() {}
inline void cudaTriggerProgrammaticLaunchCompletion() {}

template <class T>
T __ldg(const T* from) {
  return *from;
}
template <class T>
T __ldcg(const T* from) {
  return *from;
}

namespace vae::emulation {
template <class T>
T atomic_add(T* to, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*to).fetch_add(value, std::memory_order_acq_rel);
}
}  // namespace vae::emulation

inline int atomicAdd(int* to, int value) {
  return vae::emulation::atomic_add(to, value);
}
inline unsigned atomicAdd(unsigned* to, unsigned value) {
  return vae::emulation::atomic_add(to, value);
}
inline unsigned long long atomicAdd(unsigned long long* to,
                                    unsigned long long value) {
  return vae::emulation::atomic_add(to, value);
}
inline float atomicAdd(float* to, float value) {
  return vae::emulation::atomic_add(to, value);
}
inline double atomicAdd(double* to, double value) {
  return vae::emulation::atomic_add(to, value);
}
inline unsigned atomicExch(unsigned* to, unsigned value) {
  return std::atomic_ref<unsigned>(*to).exchange(value,
                                                 std::memory_order_acq_rel);
}
inline unsigned long long atomicOr(unsigned long long* to,
                                   unsigned long long bits) {
  return std::atomic_ref<unsigned long long>(*to).fetch_or(
      bits, std::memory_order_acq_rel);
}
/// Counts up, and from `last` to zero.
inline unsigned atomicInc(unsigned* to, unsigned last) {
  std::atomic_ref<unsigned> counter(*to);
  unsigned old = counter.load();
  while (!counter.compare_exchange_weak(old, old >= last ? 0 : old + 1,
                                        std::memory_order_acq_rel)) {
  }
  return old;
}
