// BatchNorm in bfloat16 where the product before it, or the one behind it, has
// already added up what it needs: each way is one pass over the activations.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/cuda/ends.hpp"

namespace vae::engine::cuda {

/// out = LeakyReLU(BatchNorm(x)) [rows, channels]; also what the backward and
/// the running statistics need, as in NormForward.
struct NormApplyArgs {
  const std::uint16_t* x;
  std::uint16_t* out;
  const ExactSum* sums;                       // [2, channels]: of x and of x^2
  const float *weight, *bias, *product_bias;  // [channels]
  float *mean, *invstd;                       // [channels]
  float *mean_sum, *var_sum;                  // [channels], in State::reduced
  std::int32_t rows, channels;
  float images;
  bool accumulate;
};
void norm_apply(const NormApplyArgs& args, cudaStream_t stream);

/// g [rows, channels] becomes the derivative by the norm's input.
struct NormGradientArgs {
  std::uint16_t* g;
  NormGradientColumns norm;
  std::int32_t channels;
};
void norm_gradient(const NormGradientArgs& args, cudaStream_t stream);

}  // namespace vae::engine::cuda
