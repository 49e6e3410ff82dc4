// Draws a batch of images as one picture, pixel for pixel as torchvision's
// make_grid and save_image do with padding 2 and pad_value 0. Writes no file.
#pragma once

#include <cstdint>

#include "io/png.hpp"
#include "vae/dataset.hpp"

namespace vae::io {

/// An RGB picture of min(columns, count) columns. Each image has a border of 2
/// black pixels; a single image has none. Zero columns: the square root of the
/// count, rounded up. Error(argument) unless images have 1 or 3 channels, for
/// NaN, and for a picture too large for a PNG.
Picture draw_grid(const Batch& images, const Shape& shape,
                  std::uint32_t columns);

}  // namespace vae::io
