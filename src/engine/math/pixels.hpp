// Pixels between bytes and floats, and between the two orders of an image.
#pragma once

#include <cstdint>

#include "base/hd.hpp"

namespace vae::engine {

/// As torchvision's ToTensor.
VAE_HD float pixel_to_float(std::uint8_t byte) {
  return static_cast<float>(byte) / 255.0f;
}

/// As torchvision's save_image: rounded, clipped. NaN gives 0.
VAE_HD std::uint8_t float_to_pixel(float value) {
  const float scaled = value * 255.0f + 0.5f;
  return scaled >= 255.0f ? std::uint8_t{255}
         : scaled > 0.0f  ? static_cast<std::uint8_t>(scaled)
                          : std::uint8_t{0};
}

/// Position in [C][H][W] of element `i` of [H][W][C].
VAE_HD std::int64_t hwc_to_chw(std::int64_t i, std::int64_t channels,
                               std::int64_t pixels) {
  return (i % channels) * pixels + i / channels;
}

}  // namespace vae::engine
