// The first and the last layer of a network for one-channel images: 4 x 4
// convolutions with stride 2 between an image and many channels. A row of their
// GEMM has 16 elements, too few for gemm.hpp. The likelihood is fused into the
// last layer, BatchNorm's backward pass into the first layer's weight gradient.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/cuda/gemm.hpp"
#include "vae/config.hpp"

namespace vae::engine::cuda {

/// Numbers of a patch.
constexpr int kEndTaps = 16;

/// An image [h, w] of float32, and the grid [gh, gw] of places at which the
/// 4 x 4 patch from (2 i - 1, 2 j - 1) on is taken; zero outside.
struct Patches {
  const float* image;
  std::int32_t images, h, w, gh, gw;
  Divisor by_places, by_width;
};
inline Patches make_patches(const float* image, std::int64_t images,
                            std::int64_t h, std::int64_t w, std::int64_t gh,
                            std::int64_t gw) {
  return {image,
          static_cast<std::int32_t>(images),
          static_cast<std::int32_t>(h),
          static_cast<std::int32_t>(w),
          static_cast<std::int32_t>(gh),
          static_cast<std::int32_t>(gw),
          Divisor(gh * gw),
          Divisor(gw)};
}

/// out [places, n] = patches times w [n, 16], both rounded to bfloat16.
struct PatchGemmArgs {
  Patches patches;
  const std::uint16_t* w;
  std::int32_t n;
  EpilogueArgs epilogue;
};
void patch_gemm(const PatchGemmArgs& args, cudaStream_t stream);

/// BatchNorm's backward on the way in: dx from g [places, n], the derivative by
/// the norm's output, in which the activation's slope is already.
struct NormGradientColumns {
  const std::uint16_t* x;  // the norm's input; null: g is taken as it is
  const float *weight, *mean, *invstd;
  const ExactSum* sums;  // [2, n] over g and g times normalised x
  std::int32_t rows;
};

/// dw [n, 16] = sum over places of g^T times the patch: partial sums
/// [blocks, n, 16].
struct PatchWeightArgs {
  Patches patches;
  const std::uint16_t* g;
  NormGradientColumns norm;
  std::int32_t n, blocks;
  float* out;
};
void patch_weights(const PatchWeightArgs& args, cudaStream_t stream);
/// Blocks, and so partial sums, for so many places.
std::int32_t patch_weight_blocks(std::int64_t places);

/// What the last layer adds up over a batch.
struct LossTotals {
  ExactSum recon;     // -log p
  ExactSum square;    // (mean - target)^2
  ExactSum gradient;  // by the output: the bias's
};

/// output [images, oh, ow] = x [images, ih, iw, channels] through the
/// transposed convolution w [channels, 16] with kernel 4, stride 2, padding 1;
/// then likelihood and its gradient.
struct LastLayerArgs {
  const std::uint16_t* x;
  const std::uint16_t* w;
  const float* bias;    // [1]
  const float* target;  // [images, oh * ow]
  float* gradient;      // [images, oh * ow]
  LossTotals* totals;
  std::int32_t images, ih, iw, channels, oh, ow;
  Likelihood likelihood;
  float precision, norm;  // of gaussian_loss
  float* output;  // [images, oh * ow]; not null: this alone is wanted, no
                  // target, gradient and totals
};
/// Most pixels of x, three rows at least, and most channels that fit into
/// shared memory.
constexpr std::int64_t kLastLayerPixels = 512;
constexpr std::int64_t kLastLayerChannels = 256;
void last_layer(const LastLayerArgs& args, cudaStream_t stream);

}  // namespace vae::engine::cuda
