// Draws a batch of images as one picture, exactly as torchvision's make_grid
// and save_image do with padding 2 and pad_value 0. It writes no file.
#pragma once

#include <cstdint>

#include "io/png.hpp"
#include "vae/dataset.hpp"

namespace vae::io {

/// An RGB picture (grey images become RGB) of min(columns, count) columns, each
/// image with 2 black pixels around it; a single image has no border. Zero
/// columns: the square root of the count, rounded up. Error(argument) for
/// other than 1 or 3 channels, NaN, or a picture too large for a PNG.
Picture draw_grid(const Batch& images, const Shape& shape,
                  std::uint32_t columns);

}  // namespace vae::io
