// Initial values of a plan's tensors: PyTorch's default distributions (Kaiming
// uniform with a = sqrt(5), which is uniform in ±1/sqrt(fan_in)), drawn with
// Philox, so that all engines and devices start with the same values.
#pragma once

#include <cstdint>
#include <vector>

#include "model/plan.hpp"

namespace vae::model {

/// Initial values of trainable tensor `index`, in PyTorch's order.
std::vector<float> initial_param(const Plan& plan, int index,
                                 std::uint64_t seed);

}  // namespace vae::model
