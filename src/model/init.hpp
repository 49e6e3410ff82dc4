// How the tensors of a plan start: PyTorch's default distributions (Kaiming
// uniform with a = sqrt(5), which is uniform in ±1/sqrt(fan_in)), drawn from
// keyed integers, so that every engine and device starts alike.
#pragma once

#include <cstdint>
#include <vector>

#include "model/plan.hpp"

namespace vae::model {

/// The start of trainable tensor `index`, in PyTorch's order.
std::vector<float> initial_param(const Plan& plan, int index,
                                 std::uint64_t seed);

}  // namespace vae::model
