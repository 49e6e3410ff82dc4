// GEMMs in bfloat16 by libvae's kernels, with the layer's other operations in
// the epilogue. Convolutions are implicit GEMMs (the im2col matrix is not
// written); linear layers are convolutions of a 1 x 1 image. Plain integers and
// pointers; images are [B, H, W, C].
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "engine/cuda/indexing.hpp"
#include "engine/math/exact_sum.hpp"

namespace vae::engine::cuda {

/// Maps rows of a GEMM to elements of images. Row m is position (i, j) of image
/// n on a grid [gh, gw]; its tap (r, s) is position
/// (i * stride + h0 + r * step, j * stride + w0 + s * step) of [ih, iw], and
/// zero outside. A tap has `channels` numbers.
struct Gather {
  const std::uint16_t* from;  // [images, ih, iw, channels]
  std::int32_t images, ih, iw, channels;
  std::int32_t gh, gw;
  std::int32_t stride, h0, w0, step;
  std::int32_t taps_h, taps_w;  // at most 4 each
  Divisor by_places, by_width;  // gh * gw and gw
};

/// Sums that a kernel sets to zero for the kernels after it.
struct Clear {
  ExactSum* sums;
  std::int32_t count;
};

/// The epilogue: operations on an output tile before it is written.
enum class Epilogue : std::int32_t {
  partial,        // float32 [splits, M, N], to be added up by the reader
  rows,           // bfloat16 [M, N]: activation(x + bias)
  normalised,     // bfloat16: LeakyReLU(BatchNorm(x)), running statistics
  statistics,     // bfloat16, and sums of x and x^2 over rows
  norm_gradient,  // bfloat16 dy * slope, and its sums as BatchNorm's backward
                  // needs them
  masked,         // bfloat16, zero where `other`, a ReLU's output, is
};

struct EpilogueArgs {
  Epilogue kind;
  bool relu;                   // rows
  void* out;                   // [.., N]
  std::int32_t channels;       // column n is of channel n % channels
  const float* bias;           // [N], of rows; null: none
  const std::uint16_t* other;  // [.., N] norm_gradient: the norm's input
  const float *mean, *invstd, *weight, *shift;  // of the norm
  ExactSum* sums;  // [2, channels] statistics, norm_gradient; [channels]
                   // masked and rows, or null
  // normalised: running statistics instead of mean and invstd, and the bias of
  // the product, which is in the mean.
  const float *running_mean, *running_var, *product_bias;
};

/// out [M, N] = rows of `a` [M, taps * channels] times b.
struct GemmArgs {
  Gather a;
  /// K-major: [N, taps, channels]. Else [channels, taps, N].
  const std::uint16_t* b;
  std::int32_t m, n;
  /// Weights of tap (r, s): tap0 + r * tap_r + s * tap_s of `taps`.
  std::int32_t taps, tap_r, tap_s;
  /// Four sub-pixel phases of a transposed convolution with kernel 4, stride 2:
  /// phase (p, q) makes places (2 i + p, 2 j + q) of [oh, ow].
  bool phases;
  std::int32_t oh, ow;
  std::int32_t splits;  // of the sum over K; more than 1 for `partial` only
  EpilogueArgs epilogue;
};

/// dw [M, taps * channels] = sum over the places of a grid of a^T [M] times
/// what is gathered there: partial sums float32 [splits, M, taps * channels].
struct WeightGemmArgs {
  const std::uint16_t* a;  // [images * gh * gw, M]
  Gather b;
  std::int32_t m, splits;
  float* out;
};

/// The generation of a device's tensor cores.
enum class TensorCores { none, ampere, hopper };
TensorCores find_tensor_cores(int index);  // of a CUDA device

/// Channels, M of weights and N are multiples of 8: 16 bytes are read at once.
void gemm(const GemmArgs& args, bool b_k_major, TensorCores cores,
          cudaStream_t stream);
void weight_gemm(const WeightGemmArgs& args, TensorCores cores,
                 cudaStream_t stream);

/// The splits of the sum over K that keep a card busy.
std::int32_t gemm_splits(std::int64_t m, std::int64_t n, std::int64_t k_tiles);

// With the warpgroup products of compute capability 9.0a (gemm_hopper.cu).
void gemm_hopper(const GemmArgs& args, bool b_k_major, cudaStream_t stream);
void weight_gemm_hopper(const WeightGemmArgs& args, cudaStream_t stream);

}  // namespace vae::engine::cuda
