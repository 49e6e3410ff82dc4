// The order of the flat buffers under the blocks engine: the channels of an
// image come last, so that LibTorch's fast memory format needs no copies, and
// the two heads lie side by side, so that they are one product.
#pragma once

#include "engine/state.hpp"
#include "model/plan.hpp"

namespace vae::engine::blocks {

Layout make_layout(const model::Plan& plan);

}  // namespace vae::engine::blocks
