// The gradient of a batch into the flat buffer (gemm_kernels.hpp).
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/cuda/launch.cuh"

namespace vae::engine::cuda {
namespace {

struct GradientTile {
  static constexpr int kThreads = 256, kShared = 0;
};

/// Sum of four squares, for the norm of the gradient.
__device__ float square_of(const float4& v) {
  return v.x * v.x + v.y * v.y + (v.z * v.z + v.w * v.w);
}

__device__ void add(float4* to, const float4& v) {
  to->x += v.x, to->y += v.y, to->z += v.z, to->w += v.w;
}

/// Four neighbouring numbers of the sum over splits, in their order; eight are
/// asked for before the first is used.
__device__ float4 add_four(const GradientTask& t, std::int32_t i) {
  const float* from = t.partial + i;
  float4 sum = make_float4(0, 0, 0, 0);
  for (std::int32_t s0 = 0; s0 < t.splits; s0 += 8) {
    float4 v[8];
#pragma unroll
    for (int k = 0; k < 8; ++k)
      v[k] = s0 + k < t.splits
                 ? *reinterpret_cast<const float4*>(from + (s0 + k) * t.stride)
                 : make_float4(0, 0, 0, 0);
#pragma unroll
    for (int k = 0; k < 8; ++k) add(&sum, v[k]);
  }
  return sum;
}

/// Of all threads of a block, warp by warp, in a fixed order.
__device__ double sum_block(float value) {
  value = warp_sum(value);
  __shared__ float warps[GradientTile::kThreads / 32];
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  double total = 0;
  for (const float each : warps) total += static_cast<double>(each);
  return total;
}

/// grid: tasks, each a piece of the flat buffer. Numbers are either finished
/// exact sums or partial sums of several blocks, which are added up here.
__global__ void __launch_bounds__(GradientTile::kThreads)
    gradients_kernel(GradientArgs a) {
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  const auto block = static_cast<std::int32_t>(blockIdx.x);
  const GradientTask t = a.tasks[block];
  clear_sums(a.clear);
  float* to = a.gradient + t.first;
  float square = 0;
  if (t.exact != nullptr) {
    for (std::int32_t i = thread; i < t.count; i += GradientTile::kThreads) {
      keep(to + i, exact_value(t.exact[i]), a.accumulate);
      square += to[i] * to[i];
    }
  } else {
    for (std::int32_t i = 4 * thread; i < t.count;
         i += 4 * GradientTile::kThreads) {
      float4 v = add_four(t, i);
      auto* out = reinterpret_cast<float4*>(to + i);
      if (a.accumulate) add(&v, *out);
      *out = v;
      square += square_of(v);
    }
  }
  const double total = sum_block(square);
  if (thread == 0) a.partial[block] = total;
}

}  // namespace

// partial and exact sums -> gradient [param_floats], squares [count]
void collect_gradients(const GradientArgs& a, std::int64_t bytes,
                       cudaStream_t stream) {
  launch_tiles<gradients_kernel, GradientTile>(
      "collect_gradients", bytes, dim3(static_cast<unsigned>(a.count)), stream,
      a);
}

}  // namespace vae::engine::cuda
