// Limits that several directories check.
#pragma once

#include <cstdint>

namespace vae {

/// Largest learning rate, KL weight, weight decay or temperature. It is finite
/// in float32.
inline constexpr double kLargestFactor = 1e30;

/// Largest count of steps, updates or epochs: up to 2^53 a double holds every
/// integer.
inline constexpr std::uint64_t kLargestCount = std::uint64_t{1} << 53;

}  // namespace vae
