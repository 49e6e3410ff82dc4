// The commit of a step on the device: norm, decision, Adam, running statistics
// and sums, without the host knowing what was decided.
#include <cuda_runtime.h>

#include "engine/cuda/kernels.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/math/bfloat16.hpp"
#include "engine/math/commit.hpp"

namespace vae::engine::cuda {
namespace {

__global__ void norm_kernel(CommitArgs a) {
  const std::int64_t first = blockIdx.x * kChunk, end = first + kChunk;
  const std::int64_t last = end < a.param_floats ? end : a.param_floats;
  double sum = 0;
  for (std::int64_t i = first + threadIdx.x; i < last; i += kThreads) {
    const auto value = static_cast<double>(a.reduced[i]);
    sum += value * value;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) a.partial[blockIdx.x] = sum;
}

__device__ const Tail& tail_of(const CommitArgs& a) {
  return *reinterpret_cast<const Tail*>(a.reduced + a.param_floats +
                                        a.running_floats);
}

/// One block: decides, then adds to the sums.
__global__ void decide_kernel(CommitArgs a) {
  const std::int64_t partials = partial_count(a.param_floats);
  double square = 0;
  for (std::int64_t i = threadIdx.x; i < partials; i += kThreads)
    square += a.partial[i];
  square = block_sum(square);
  if (threadIdx.x == 0) {
    decide(tail_of(a), square, a.control);
    add_sums(tail_of(a), *a.control, reinterpret_cast<Sums*>(a.sums));
  }
  __syncthreads();
  if (a.control->skip != 0) return;
  const float* dimensions =
      a.reduced + a.param_floats + a.running_floats + kTailFloats;
  for (std::int64_t i = threadIdx.x; i < 3 * a.latent; i += kThreads)
    a.sums[kSumDoubles + i] += static_cast<double>(dimensions[i]);
}

__global__ void apply_kernel(CommitArgs a) {
  const Control& c = *a.control;
  if (c.skip != 0) return;
  const AdamStep<float> step = adam_step(c);
  for (std::int64_t i = global_index(); i < a.param_floats;
       i += global_size()) {
    adam(step, a.reduced[i], a.param + i, a.moment1 + i, a.moment2 + i);
    if (a.copy != nullptr) a.copy[i] = to_bfloat16(a.param[i]);
  }
  const float* batch = a.reduced + a.param_floats;
  const auto momentum = static_cast<float>(model::kNormMomentum);
  for (std::int64_t i = global_index(); i < a.running_floats;
       i += global_size())
    a.running[i] =
        fold_running(a.running[i], batch[i], tail_of(a).images, momentum);
}

}  // namespace

void commit(const CommitArgs& args, cudaStream_t stream) {
  const std::int64_t params = args.param_floats * std::int64_t{sizeof(float)};
  launch<norm_kernel>("gradient_norm", params, partial_count(args.param_floats),
                      stream, args);
  launch<decide_kernel>("decide", sum_doubles(args.latent) * 8, 1, stream,
                        args);
  const std::int64_t copy = args.copy != nullptr ? params / 2 : 0;
  launch<apply_kernel>("adam", 7 * params + copy, blocks_for(args.param_floats),
                       stream, args);
}

}  // namespace vae::engine::cuda
