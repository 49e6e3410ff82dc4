// The element-wise work of a step as CUDA kernels, one launch function each.
// They know cuda_runtime and our own formulas, no LibTorch. All sums are formed
// in a fixed order, so that the same input gives the same bytes.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/device.hpp"

namespace vae::engine::cuda {

/// Rows that lie on the device; `order` by value, because the caller's lies on
/// the host.
struct LoadArgs {
  const void* rows;
  ElementType type;
  bool reorder;  // from [C, H, W] to [H, W, C]
  bool shuffled;
  Order order;
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

void store_columns(const float* from, std::int64_t width, std::int64_t first,
                   std::int64_t columns, std::int64_t rows, float* to,
                   cudaStream_t stream);
void normals(const NoiseKey& key, std::uint64_t first_row, std::int64_t rows,
             std::int64_t width, float scale, float* out, cudaStream_t stream);
void latent(const Latent& in, cudaStream_t stream);
void latent_gradient(const LatentGradient& in, cudaStream_t stream);
void reconstruction(const Reconstruction& in, cudaStream_t stream);
void batch_sums(const BatchSums& in, cudaStream_t stream);

/// What a commit works on, as plain pointers.
struct CommitArgs {
  float *param, *moment1, *moment2, *reduced, *running;
  double* sums;
  Control* control;
  double* partial;  // [partial_count(param_floats)], scratch
  std::int64_t param_floats, running_floats, latent;
};
std::int64_t partial_count(std::int64_t param_floats);
void commit(const CommitArgs& args, cudaStream_t stream);

}  // namespace vae::engine::cuda
