// What our kernels share: how they are started, how many threads they have,
// which element is whose, and a sum over a block in a fixed order. A kernel
// takes one struct of arguments and is started by launch() alone.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace vae::engine::cuda {

constexpr unsigned kThreads = 128;
constexpr std::int64_t kMostBlocks = 4096;  // the rest is a grid-stride loop
constexpr std::int64_t kFloat = sizeof(float);

// A list of the kernels that are launched, so that tests and the documentation
// can count them and the memory they move. No cost unless a list is set.

struct Launch {
  const char* name;
  std::int64_t bytes;  // at least read and written
  std::int64_t blocks;
};

/// The list of this thread's launches, or null.
inline std::vector<Launch>*& watched_launches() {
  thread_local std::vector<Launch>* list = nullptr;
  return list;
}

inline void note_launch(const Launch& launch) {
  if (auto* list = watched_launches()) list->push_back(launch);
}

/// Starts a grid of blocks of a tile's threads, with its shared memory. Above
/// 48 KiB a kernel must be told beforehand; each device remembers it. A failure
/// is CUDA's last error, which KernelDevice::check_launch() reports. `bytes`:
/// what the kernel must at least read and write, for the list of launches.
template <auto kernel, class Tile, class Args>
void launch_tiles(const char* name, std::int64_t bytes, dim3 grid,
                  cudaStream_t stream, const Args& args) {
  static_assert(std::is_trivially_copyable_v<Args>);
  note_launch({name, bytes, std::int64_t{grid.x} * grid.y * grid.z});
  if constexpr (Tile::kShared > 48 * 1024)
    (void)cudaFuncSetAttribute(
        kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::kShared);
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(Tile::kThreads);
  config.dynamicSmemBytes = Tile::kShared;
  config.stream = stream;
  (void)cudaLaunchKernelEx(&config, kernel, args);
}

struct PlainTile {
  static constexpr unsigned kThreads = cuda::kThreads;
  static constexpr int kShared = 0;
};
/// Starts `blocks` blocks of kThreads.
template <auto kernel, class Args>
void launch(const char* name, std::int64_t bytes, std::int64_t blocks,
            cudaStream_t stream, const Args& args) {
  launch_tiles<kernel, PlainTile>(
      name, bytes, dim3(static_cast<unsigned>(blocks)), stream, args);
}

__device__ inline std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t global_size() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

inline std::int64_t blocks_for(std::int64_t elements) {
  const std::int64_t blocks = (elements + kThreads - 1) / kThreads;
  return blocks < 1 ? 1 : blocks > kMostBlocks ? kMostBlocks : blocks;
}

/// Overwrites a sum or adds to it.
template <class T>
__device__ void keep(T* to, double value, bool accumulate) {
  const auto rounded = static_cast<T>(value);
  *to = accumulate ? *to + rounded : rounded;
}

/// Valid in thread 0. Every thread of a block of `threads` must call it.
template <unsigned threads = kThreads>
__device__ double block_sum(double value) {
  __shared__ double shared[threads];
  shared[threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  const double total = shared[0];
  __syncthreads();  // the next call may write at once
  return total;
}

}  // namespace vae::engine::cuda
