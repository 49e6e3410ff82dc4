// See kernel_operations.hpp.
#include "engine/cuda/kernel_operations.hpp"

namespace vae::engine::cuda {

/// Zeroed when allocated, which is what the counters start from.
ColumnScratch KernelFusion::scratch() {
  if (partial_ == nullptr) {
    partial_ = device_.allocate(kPartialBlocks * 2 * kTileChannels *
                                std::int64_t{sizeof(double)});
    arrived_ = device_.allocate(kTileCounters * std::int64_t{sizeof(unsigned)});
    norm_means_ =
        device_.allocate(2 * kNormChannels * std::int64_t{sizeof(float)});
  }
  return {static_cast<double*>(partial_.get()),
          static_cast<unsigned*>(arrived_.get()), floats(norm_means_)};
}

}  // namespace vae::engine::cuda
