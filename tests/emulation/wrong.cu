// See wrong.hpp.
#include <cuda_runtime.h>

#include "emulation/wrong.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/tensor_core.cuh"

namespace vae::emulation {
namespace {

using namespace engine::cuda;

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

struct ShuffleArgs {
  const float* from;
  float* to;
  int mask;
};
__global__ void shuffle_kernel(ShuffleArgs a) {
  a.to[threadIdx.x] = shuffle_xor(a.from[threadIdx.x], a.mask);
}

__global__ void uneven_kernel(unsigned* to) {
  __shared__ unsigned met;
  if (threadIdx.x == 1) met = 0;
  __syncthreads();
  if (threadIdx.x % 3 == 0) return;
  for (unsigned i = 0; i < threadIdx.x / 32; ++i) __syncwarp();
  atomicAdd(&met, 1u);
  __syncthreads();
  to[threadIdx.x] = met;
}

__global__ void for_ever_kernel(int) {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncwarp();
}

struct FragmentArgs {
  const std::uint32_t *a, *b;
  float* c;
  bool tf32;
};
__global__ void fragment_kernel(FragmentArgs args) {
  const unsigned lane = threadIdx.x;
  std::uint32_t a[4];
  float c[4];
  for (unsigned i = 0; i < 4; ++i) a[i] = args.a[lane * 4 + i];
  for (unsigned i = 0; i < 4; ++i) c[i] = args.c[lane * 4 + i];
  const std::uint32_t* const b = args.b + lane * 2;
  // Twice in a row, so that the lanes' exchange is used in turns.
  for (int i = 0; i < 2; ++i)
    args.tf32 ? multiply_tf32(c, a, b[0], b[1]) : multiply(c, a, b[0], b[1]);
  for (unsigned i = 0; i < 4; ++i) args.c[lane * 4 + i] = c[i];
}

struct LoadArgs {
  const std::uint16_t* from;
  std::uint32_t* to;
  bool transposed;
};
__global__ void load_kernel(LoadArgs a) {
  auto* const numbers = reinterpret_cast<std::uint16_t*>(dynamic_shared());
  const unsigned lane = threadIdx.x;
  for (unsigned i = 0; i < 8; ++i) numbers[lane * 8 + i] = a.from[lane * 8 + i];
  __syncwarp();
  std::uint32_t r[4];
  const std::uint32_t row = shared_address(numbers + lane * 8);
  a.transposed ? load_matrices_transposed(r, row) : load_matrices(r, row);
  for (unsigned i = 0; i < 4; ++i) a.to[lane * 4 + i] = r[i];
}

template <int N, bool a_transposed, bool b_transposed>
__global__ void product_kernel(Products p) {
  for (unsigned i = threadIdx.x * 16; i < p.bytes; i += blockDim.x * 16)
    copy_async(i, p.shared + i, true);
  commit_copies();
  wait_copies<0>();
  fence_shared();
  __syncthreads();
  float d[N / 2] = {};
  const std::uint32_t a = p.a + threadIdx.x / 128 * 8192;
  warpgroup_fence();
  for (unsigned step = 0; step < p.steps; ++step)
    warpgroup_multiply<N, a_transposed, b_transposed>(
        d, matrix_descriptor(a + step * (a_transposed ? 2048 : 32), 0, 1024),
        matrix_descriptor(p.b + step * (b_transposed ? 2048 : 32), p.leading_b,
                          1024));
  warpgroup_commit();
  if (p.wait) warpgroup_wait<0>();
  for (float& x : d) keep_in_register(x);
  for (unsigned i = 0; i < N / 2; ++i) p.d[threadIdx.x * (N / 2) + i] = d[i];
}

struct TouchArgs {
  unsigned* to;
  std::size_t bytes, beyond;
};
__global__ void touch_kernel(TouchArgs a) {
  unsigned char* const memory = dynamic_shared();
  if (threadIdx.x != 0) return;
  for (std::size_t i = 0; i < a.bytes; ++i) *a.to += memory[i] == 0xFF;
  for (std::size_t i = 0; i < a.bytes + a.beyond; ++i) memory[i] = 0;
}

__global__ void copy_kernel(Copies c) {
  const unsigned i = threadIdx.x * 16;
  for (const unsigned half : {0u, 2048u}) {
    copy_async(i + half, c.from + i + half, !c.holes || threadIdx.x % 2 == 0);
    commit_copies();
  }
  if (c.left == 0) wait_copies<0>();
  if (c.left == 1) wait_copies<1>();
  for (const unsigned half : {0u, 2048u})
    for (unsigned j = i + half; j < i + half + 16; ++j)
      c.to[j] = dynamic_shared()[j];
}

template <class Args>
cudaError_t start(void (*kernel)(Args), unsigned blocks, unsigned threads,
                  std::size_t bytes, const Args& args) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = bytes;
  return cudaLaunchKernelEx(&config, kernel, args);
}

template <int N>
void start_products(const Products& p, unsigned threads, bool a, bool b) {
  start(a   ? b ? product_kernel<N, true, true> : product_kernel<N, true, false>
          : b ? product_kernel<N, false, true>
            : product_kernel<N, false, false>,
        1, threads, p.bytes, p);
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

void shuffle(const float* from, float* to, int mask) {
  start(shuffle_kernel, 1, 128, 0, {from, to, mask});
}
void meet_unevenly(unsigned* to, unsigned threads) {
  start(uneven_kernel, 1, threads, 0, to);
}
cudaError_t wait_for_ever() { return start(for_ever_kernel, 1, 32, 0, 0); }
void multiply_fragments(const std::uint32_t* a, const std::uint32_t* b,
                        float* c, bool tf32) {
  start(fragment_kernel, 1, 32, 0, {a, b, c, tf32});
}
void load_fragments(const std::uint16_t* from, std::uint32_t* to,
                    bool transposed) {
  start(load_kernel, 1, 32, 512, {from, to, transposed});
}
void multiply_in_warpgroups(const Products& products, unsigned warpgroups,
                            int n, bool a_transposed, bool b_transposed) {
  const auto kernel = n == 64 ? start_products<64> : start_products<128>;
  kernel(products, warpgroups * 128, a_transposed, b_transposed);
}
cudaError_t touch_shared(unsigned* to, std::size_t bytes, std::size_t beyond) {
  return start(touch_kernel, 2, 32, bytes, {to, bytes, beyond});
}
cudaError_t ask_for_shared(int bytes) {
  return cudaFuncSetAttribute(
      touch_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}
void copy_through_shared(const Copies& copies) {
  start(copy_kernel, 1, 128, 4096, copies);
}

}  // namespace vae::emulation
