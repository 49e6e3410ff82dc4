// Copies a batch's gradient from the previous kernels' outputs to the flat
// buffer, and computes its norm in the same pass. Driven by a table of
// segments.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/cuda/code.hpp"

namespace vae::engine::cuda {

/// A piece of the flat gradient. One of `partial` and `exact` is not null; of
/// partial sums count, stride and first are multiples of 4.
struct GradientTask {
  const float* partial;        // sums to be added up, `stride` floats apart
  const ExactSum* exact;       // or finished sums
  std::int64_t stride, first;  // first: place in the flat buffer
  std::int32_t splits, count;
};
/// Most floats of a task; a longer segment becomes several.
constexpr std::int32_t kTaskFloats = 1024;

struct GradientArgs {
  const GradientTask* tasks;  // [count]
  float* gradient;
  double* partial;  // [count]: squared norms of what each task has written
  std::int32_t count;
  bool accumulate;
  Clear clear;
};
void collect_gradients(const GradientArgs& args, std::int64_t bytes,
                       cudaStream_t stream);

}  // namespace vae::engine::cuda
