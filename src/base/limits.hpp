// Bounds that several rooms check.
#pragma once

namespace vae {

/// Largest learning rate, KL weight, weight decay or temperature: far beyond
/// sense, and still a number after conversion to float32.
inline constexpr double kLargestFactor = 1e30;

}  // namespace vae
