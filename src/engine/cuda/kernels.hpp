// The element-wise operations of a step as CUDA kernels, one launch function
// each, without LibTorch. All sums are formed in a fixed order, so that the
// same input gives the same bytes.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/device.hpp"

namespace vae::engine::cuda {

/// Rows that lie on the device.
struct LoadArgs {
  const void* rows;
  ElementType type;
  bool reorder;          // from [C, H, W] to [H, W, C]
  const Cursor* cursor;  // null: rows in order, from `first` on
  std::uint64_t first;
  std::int64_t count, elements, channels;
  float* to;
};
void load_rows(const LoadArgs& args, cudaStream_t stream);

struct StoreArgs {
  const float* from;
  void* to;
  ElementType type;
  bool reorder;  // to [C, H, W] from [H, W, C]
  bool logits;
  std::int64_t count, elements, channels;
};
void store_rows(const StoreArgs& args, cudaStream_t stream);

/// Columns [first, first + columns) of a [rows, width] matrix.
struct ColumnArgs {
  const float* from;
  float* to;
  std::int64_t width, first, columns, rows;
};
void store_columns(const ColumnArgs& args, cudaStream_t stream);

void normals(const Normals& in, cudaStream_t stream);
void latent(const Latent& in, cudaStream_t stream);
void latent_gradient(const LatentGradient& in, cudaStream_t stream);
void reconstruction(const Reconstruction& in, cudaStream_t stream);
void batch_sums(const BatchSums& in, cudaStream_t stream);

/// What a commit works on, as plain pointers.
struct CommitArgs {
  float *param, *moment1, *moment2, *reduced, *running;
  double* sums;
  Control* control;
  double* partial;      // squared norms of pieces of the gradient
  std::uint16_t* copy;  // params as bfloat16, kept up to date; may be null
  std::int64_t param_floats, running_floats, latent;
  /// How many of `partial` there are already; 0: none, there is room for
  /// partial_count(param_floats).
  std::int64_t partials;
};
/// Blocks, and so partial norms, of a gradient that nobody has summed yet.
constexpr std::int64_t kChunk = 2048;
VAE_HD std::int64_t partial_count(std::int64_t param_floats) {
  return (param_floats + kChunk - 1) / kChunk;
}
void commit(CommitArgs args, cudaStream_t stream);

}  // namespace vae::engine::cuda
