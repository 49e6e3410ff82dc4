// Writes a grid of images to a PNG file, as torchvision's save_image does. Not
// an image library.
#pragma once

#include <cstdint>
#include <string>

#include "vae/dataset.hpp"

namespace vae {

/// Writes images row by row as a grid. Each image has a border of 2 black
/// pixels; a single image has none (torchvision's rule). The file is RGB. The
/// grid has at most 1000000 pixels per side and 268435456 in total. A failed
/// call does not change an existing file. Error(argument), also for NaN;
/// Error(too_small); Error(file).
/// C: vae_write_grid.
/// @param path    UTF-8; an existing file is replaced.
/// @param images  On the CPU, uint8 or float32 (clipped to [0, 1]).
/// @param shape   Of one image; 1 or 3 channels.
/// @param columns Images per row; 0: the square root of the count, rounded up.
void write_grid(const std::string& path, const Batch& images,
                const Shape& shape, std::uint32_t columns = 8);

/// The same for a vector, array or span that holds whole images.
/// @param path    UTF-8; an existing file is replaced.
/// @param images  Whole images.
/// @param shape   Of one image; 1 or 3 channels.
/// @param columns Images per row; 0: the square root of the count, rounded up.
template <Numbers Images>
void write_grid(const std::string& path, const Images& images,
                const Shape& shape, std::uint32_t columns = 8) {
  write_grid(path, Batch::rows_of(images, elements(shape)), shape, columns);
}

}  // namespace vae
