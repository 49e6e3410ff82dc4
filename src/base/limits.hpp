// Bounds that several rooms check.
#pragma once

#include <cstdint>

namespace vae {

/// Largest learning rate, KL weight, weight decay or temperature: far beyond
/// sense, and still a number after conversion to float32.
inline constexpr double kLargestFactor = 1e30;

/// Largest count of steps, updates or epochs: 2^53, up to which every one is a
/// double.
inline constexpr std::uint64_t kLargestCount = std::uint64_t{1} << 53;

}  // namespace vae
