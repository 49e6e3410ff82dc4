// KernelOperations::commit (kernel_operations.hpp): a step on the device: norm,
// decision, Adam, running statistics and sums, without the host knowing what
// was decided.
#include <cuda_runtime.h>

#include <algorithm>

#include "engine/cuda/kernel_operations.hpp"
#include "engine/cuda/launch.cuh"
#include "engine/math/numbers.hpp"
#include "engine/math/update.hpp"

namespace vae::engine::cuda {
namespace {

/// What a commit works on, as plain pointers.
struct CommitArgs {
  float *param, *moment1, *moment2, *reduced, *running;
  double* sums;
  Control* control;
  double* partial;      // squared norms of pieces of the gradient
  std::uint16_t* copy;  // params as bfloat16, kept up to date; may be null
  std::int64_t param_floats, running_floats, latent;
  /// How many of `partial` there are already; 0: none, and memory for
  /// partial_count(param_floats).
  std::int64_t partials;
};
/// Blocks, and so partial norms, of a gradient whose norm the pass has not
/// formed.
constexpr std::int64_t kChunk = 2048;
std::int64_t partial_count(std::int64_t param_floats) {
  return (param_floats + kChunk - 1) / kChunk;
}

constexpr std::int64_t kFour = 4;  // floats of a load

__device__ double square_of(float value) {
  return static_cast<double>(value) * static_cast<double>(value);
}

/// gradient [param_floats] -> partial [blocks], the square of each chunk's
/// norm.
__global__ void norm_kernel(CommitArgs a) {
  const std::int64_t first = blockIdx.x * kChunk, end = first + kChunk;
  const std::int64_t last = end < a.param_floats ? end : a.param_floats;
  double sum = 0;
  for (std::int64_t i = first + kFour * threadIdx.x; i < last;
       i += kFour * kThreads) {
    if (i + kFour <= last) {
      const float4 v = *reinterpret_cast<const float4*>(a.reduced + i);
      sum += square_of(v.x) + square_of(v.y) + square_of(v.z) + square_of(v.w);
    } else {
      for (std::int64_t k = i; k < last; ++k) sum += square_of(a.reduced[k]);
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) a.partial[blockIdx.x] = sum;
}

__device__ const Tail& tail_of(const CommitArgs& a) {
  return *reinterpret_cast<const Tail*>(a.reduced + a.param_floats +
                                        a.running_floats);
}

/// One block: decides, then adds to the sums. Powers take as long as all the
/// rest, so two warps form them while the others wait for memory.
__global__ void decide_kernel(CommitArgs a) {
  __shared__ BetaPowers powers;
  double square = 0;
  for (std::int64_t i = threadIdx.x; i < a.partials; i += kThreads)
    square += a.partial[i];
  for (std::int64_t i = threadIdx.x; i < a.running_floats; i += kThreads)
    square += refusal(a.reduced[a.param_floats + i]);
  if (threadIdx.x == 32)
    powers.first = beta_power(a.control->beta1, *a.control);
  if (threadIdx.x == 64)
    powers.second = beta_power(a.control->beta2, *a.control);
  square = block_sum(square);
  if (threadIdx.x == 0) {
    decide(tail_of(a), square, powers, a.control);
    add_sums(tail_of(a), *a.control, reinterpret_cast<Sums*>(a.sums));
  }
  __syncthreads();
  if (a.control->skip != 0) return;
  const float* dimensions =
      a.reduced + a.param_floats + a.running_floats + kTailFloats;
  for (std::int64_t i = threadIdx.x; i < 3 * a.latent; i += kThreads)
    a.sums[kSumDoubles + i] += static_cast<double>(dimensions[i]);
}

/// What Adam reads of four neighbouring parameters.
struct Four {
  float4 gradient, param, moment1, moment2;

  __device__ void load(const CommitArgs& a, std::int64_t i) {
    gradient = *reinterpret_cast<const float4*>(a.reduced + i);
    param = *reinterpret_cast<const float4*>(a.param + i);
    moment1 = *reinterpret_cast<const float4*>(a.moment1 + i);
    moment2 = *reinterpret_cast<const float4*>(a.moment2 + i);
  }

  __device__ void update(const CommitArgs& a, const OptimizerStep<float>& step,
                         std::int64_t i) {
    optimize(step, gradient.x, &param.x, &moment1.x, &moment2.x);
    optimize(step, gradient.y, &param.y, &moment1.y, &moment2.y);
    optimize(step, gradient.z, &param.z, &moment1.z, &moment2.z);
    optimize(step, gradient.w, &param.w, &moment1.w, &moment2.w);
    *reinterpret_cast<float4*>(a.param + i) = param;
    *reinterpret_cast<float4*>(a.moment1 + i) = moment1;
    *reinterpret_cast<float4*>(a.moment2 + i) = moment2;
    if (a.copy == nullptr) return;
    ushort4 copy;
    copy.x = to_bfloat16(param.x), copy.y = to_bfloat16(param.y);
    copy.z = to_bfloat16(param.z), copy.w = to_bfloat16(param.w);
    *reinterpret_cast<ushort4*>(a.copy + i) = copy;
  }
};

/// The last parameters, fewer than four.
__device__ void optimize_rest(const CommitArgs& a,
                              const OptimizerStep<float>& step) {
  const std::int64_t done = a.param_floats / kFour * kFour;
  const std::int64_t i = done + global_index();
  if (i >= a.param_floats) return;
  optimize(step, a.reduced[i], a.param + i, a.moment1 + i, a.moment2 + i);
  if (a.copy != nullptr) a.copy[i] = to_bfloat16(a.param[i]);
}

/// Reads what it will most likely need before it knows the decision: waiting
/// for memory twice would take longer than all the arithmetic.
__global__ void apply_kernel(CommitArgs a) {
  const std::int64_t mine = kFour * global_index();
  const bool works = mine + kFour <= a.param_floats;
  Four four{};
  if (works) four.load(a, mine);
  const Control& c = *a.control;
  if (c.skip != 0) return;
  const OptimizerStep<float> step = optimizer_step(c);
  if (works) four.update(a, step, mine);
  for (std::int64_t i = mine + kFour * global_size();
       i + kFour <= a.param_floats; i += kFour * global_size()) {
    four.load(a, i);
    four.update(a, step, i);
  }
  optimize_rest(a, step);
  const float* batch = a.reduced + a.param_floats;
  const auto momentum = static_cast<float>(model::kNormMomentum);
  for (std::int64_t i = global_index(); i < a.running_floats;
       i += global_size())
    a.running[i] =
        fold_running(a.running[i], batch[i], tail_of(a).images, momentum);
}

/// Three kernels, or two where the norm is known: each needs all of what the
/// one before it has written.
void launch_commit(CommitArgs args, cudaStream_t stream) {
  const std::int64_t params = args.param_floats * std::int64_t{sizeof(float)};
  if (args.partials == 0) {
    args.partials = partial_count(args.param_floats);
    launch<norm_kernel>("gradient_norm", params, args.partials, stream, args);
  }
  launch<decide_kernel>("decide", sum_doubles(args.latent) * 8, 1, stream,
                        args);
  const std::int64_t copy = args.copy != nullptr ? params / 2 : 0;
  launch<apply_kernel>("adam", 7 * params + copy,
                       blocks_for((args.param_floats + kFour - 1) / kFour),
                       stream, args);
}

}  // namespace

// State::reduced -> parameters, moments, running statistics, sums
void KernelOperations::commit(const Commit& in) {
  const State& state = in.state;
  const std::int64_t partials = partial_count(in.layout.param_floats);
  if (in.norm.count == 0 && partials > partials_) {
    partial_ = device_.allocate(partials * std::int64_t{sizeof(double)});
    partials_ = partials;
  }
  launch_commit({floats(state.param), floats(state.moment1),
                 floats(state.moment2), floats(state.reduced),
                 floats(state.running), static_cast<double*>(state.sums.get()),
                 static_cast<Control*>(state.control.get()),
                 in.norm.count > 0 ? in.norm.partial
                                   : static_cast<double*>(partial_.get()),
                 in.copy, in.layout.param_floats, in.layout.running_floats,
                 in.latent, in.norm.count},
                device_.stream());
  device_.check_launch();
}

}  // namespace vae::engine::cuda
