// The kernels of a GemmPass other than its GEMMs (gemm.hpp), one launch
// function each: the first and the last layer, BatchNorm, the latent code, and
// the gradient's way into the flat buffer. Plain integers and pointers;
// bfloat16 by its bits.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/cuda/gemm.hpp"
#include "engine/state.hpp"
#include "vae/config.hpp"

namespace vae::engine::cuda {

// The first and the last layer of a network for one-channel images: 4 x 4
// convolutions with stride 2 between an image and many channels. A row of their
// GEMM, a patch of the image, has 16 elements, too few for gemm.hpp. The
// likelihood is fused into the last layer, BatchNorm's backward pass into the
// first layer's weight gradient.

/// Numbers of a patch: 4 x 4 taps.
constexpr int kPatchTaps = 16;

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

// BatchNorm where the GEMM before or after it has already added up what it
// needs: each way is one pass over the activations.

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

// The latent code between the encoder's and the decoder's GEMMs, from their
// partial sums; and the sums that a step reports.

/// Partial sums [splits, images, 2 * latent] become heads (with bias), noise, z
/// and the KL of each image.
struct CodeForwardArgs {
  const float* partial;
  std::int32_t splits, images, latent;
  const float* bias;     // [2 * latent]
  float *heads, *noise;  // [images, 2 * latent], [images, latent]
  std::uint16_t* z;      // [images, latent]
  float* kl_rows;        // [images]
  NoiseKey key;
  const Cursor* cursor;
  std::uint64_t first_row;
  Clear clear;
};
void code_forward(const CodeForwardArgs& args, cudaStream_t stream);

/// Partial sums [splits, images, 2 * latent] become heads, with bias.
struct HeadsArgs {
  const float* partial;
  std::int32_t splits, images, latent;
  const float* bias;
  float* heads;
};
void code_heads(const HeadsArgs& args, cudaStream_t stream);

/// Partial sums of dz [splits, images, latent] become the derivative by the
/// heads, and its sums over images.
struct CodeBackwardArgs {
  const float* partial;
  std::int32_t splits, images, latent;
  const float *heads, *noise;
  std::uint16_t* dheads;  // [images, 2 * latent]
  ExactSum* bias_sums;    // [2 * latent]
  const Settings* settings;
};
void code_backward(const CodeBackwardArgs& args, cudaStream_t stream);

/// The Tail of a batch and its sums per dimension.
struct StepSumsArgs {
  const float* heads;
  const float* kl_rows;
  const LossTotals* totals;
  float* tail;  // tail_floats(latent)
  std::int32_t images, latent, pixels;
  const Settings* settings;
  bool accumulate;
};
void step_sums(const StepSumsArgs& args, cudaStream_t stream);

/// sums [columns] of x [rows, columns] over rows.
struct RowSumsArgs {
  const std::uint16_t* x;
  float* sums;
  std::int32_t rows, columns;
};
void row_sums(const RowSumsArgs& args, cudaStream_t stream);

// A batch's gradient from the kernels' outputs to the flat buffer, and its norm
// in the same pass. Driven by a table of segments.

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
