// What the blocks and fused engines hold in training. Their passes are followed
// with sizes in place of LibTorch's tensors. Computes nothing and needs no
// device.
#pragma once

#include <cstdint>

#include "engine/state.hpp"
#include "model/plan.hpp"
#include "vae/config.hpp"

namespace vae::engine::blocks {

/// How a pass is computed.
struct PassKind {
  bool cuda = false;
  bool fused = false;     // a device's fused operations
  bool bfloat16 = false;  // inputs of products
  bool avx512 = true;     // of the CPU
};
PassKind pass_kind(const Config& config);

/// The most bytes of LibTorch's tensors that live at once in a pass.
struct PassBytes {
  std::int64_t all = 0;
  // On the CPU, of those that the C library takes from its heap and of those
  // that it maps one by one.
  std::int64_t heap = 0, mapped = 0;
};
PassBytes pass_bytes(const model::Plan& plan, std::int64_t images,
                     const PassKind& kind);

/// Bytes of all that the engine holds on the training device beside the State,
/// at most. `own_products`: what a device's own products take, which then are
/// used instead of LibTorch's; 0: they are not.
std::int64_t blocks_bytes(const model::Plan& plan, const Config& config,
                          std::int64_t own_products);

}  // namespace vae::engine::blocks
