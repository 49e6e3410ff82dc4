// See wrong.hpp.
#include <cuda_runtime.h>

#include "emulation/wrong.hpp"
#include "engine/cuda/launch.cuh"

namespace vae::emulation {
namespace {

using engine::cuda::global_index;
using engine::cuda::global_size;
using engine::cuda::kThreads;
using engine::cuda::launch;

struct FillArgs {
  float* to;
  std::int64_t first, end;
};
__global__ void fill_kernel(FillArgs a) {
  for (std::int64_t i = a.first + global_index(); i < a.end; i += global_size())
    a.to[i] = static_cast<float>(i);
}

struct TurnArgs {
  const float* from;
  float* to;
  bool wrong;
};
__global__ void turn_kernel(TurnArgs a) {
  __shared__ float numbers[kThreads];
  numbers[threadIdx.x] = a.from[global_index()];
  if (!a.wrong) __syncthreads();
  a.to[global_index()] = numbers[kThreads - 1 - threadIdx.x];
}

__global__ void early_kernel(unsigned* to) {
  if (threadIdx.x % 2 == 0) return;
  __syncthreads();
  atomicAdd(to, 1u);
  __syncthreads();
}

__global__ void throw_kernel(int) {
  if (threadIdx.x == 5) throw 5;
  __syncthreads();
}

__global__ void visit_kernel(Visits v) {
  if (threadIdx.x == 0) v.turns[blockIdx.x] = atomicAdd(v.next, 1u);
  atomicAdd(v.hits + global_index(), 1u);
}

}  // namespace

void fill(float* to, std::int64_t first, std::int64_t end) {
  launch<fill_kernel>("fill", 0, 1, nullptr, FillArgs{to, first, end});
}
void turn_around(const float* from, float* to, std::int64_t blocks,
                 bool wrong) {
  launch<turn_kernel>("turn", 0, blocks, nullptr, TurnArgs{from, to, wrong});
}
void end_early(unsigned* to, std::int64_t blocks) {
  launch<early_kernel>("early", 0, blocks, nullptr, to);
}
void throw_in_one(std::int64_t blocks) {
  launch<throw_kernel>("throw", 0, blocks, nullptr, 0);
}
void visit(const Visits& visits, std::int64_t blocks) {
  launch<visit_kernel>("visit", 0, blocks, nullptr, visits);
}

}  // namespace vae::emulation
