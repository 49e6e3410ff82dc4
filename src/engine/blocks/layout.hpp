// Layout of the blocks engine's flat buffers. Channels come last, so that
// LibTorch's fast memory format (channels_last) needs no copies. The two heads
// are adjacent, so that one GEMM computes both.
#pragma once

#include "engine/state.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

Layout make_layout(const model::Plan& plan);

}  // namespace vae::engine::blocks
