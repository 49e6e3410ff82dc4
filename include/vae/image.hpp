// Pictures to look at: a grid of images in one PNG file, drawn as torchvision's
// save_image does. Not an image library.
#pragma once

#include <cstdint>
#include <string>

#include "vae/dataset.hpp"

namespace vae {

/// Writes `images` (on the CPU, uint8 or float32 in [0, 1], clipped) as a grid
/// of `columns` columns with a border of 2 black pixels around each image, row
/// by row; one or three channels, RGB in the file. Zero columns: the square
/// root of the count, rounded up. A single image has no border (torchvision's
/// rule). At most 1000000 pixels on a side and 268435456 in all. Written beside
/// the target and renamed, so that the file is whole or as before.
/// Error(argument), also for NaN; Error(too_small); Error(file).
/// C: vae_write_grid.
/// @param path    UTF-8; an existing file is replaced.
/// @param images  What to draw.
/// @param shape   Of one image.
/// @param columns Images in a row.
void write_grid(const std::string& path, const Batch& images,
                const Shape& shape, std::uint32_t columns = 8);

/// The same for a vector, array or span that holds whole images.
/// @param path    UTF-8; an existing file is replaced.
/// @param images  What to draw.
/// @param shape   Of one image.
/// @param columns Images in a row.
template <Numbers Images>
void write_grid(const std::string& path, const Images& images,
                const Shape& shape, std::uint32_t columns = 8) {
  write_grid(path, Batch::rows_of(images, elements(shape)), shape, columns);
}

}  // namespace vae
