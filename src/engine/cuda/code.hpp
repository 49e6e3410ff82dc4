// The latent code between the encoder's and the decoder's bfloat16 GEMMs, from
// their partial sums; and the sums that a step reports.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/cuda/ends.hpp"
#include "engine/state.hpp"

namespace vae::engine::cuda {

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

}  // namespace vae::engine::cuda
