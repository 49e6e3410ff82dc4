// The pictures that the commands draw: grids of images in one PNG file. What
// is in them is computed by the library, and so is the file.
#pragma once

#include <cstdint>
#include <string>

#include "handles.hpp"

namespace cli {

/// Whether images of this shape can be drawn: grey or red, green, blue.
bool drawable(const Shape& shape);

/// Throws Failure unless `count` images, `columns` in a row, make a picture
/// that can be written. The functions below ask too.
void check_grid(std::uint64_t count, const Shape& shape, std::uint64_t columns,
                const std::string& path);

/// Images that the model invents, `columns` in a row.
void draw_samples(vae_trainer* trainer, const vae_sampling& sampling,
                  std::uint32_t columns, const std::string& path);

/// Pairs of image and reconstruction side by side, `pairs` pairs in a row.
void draw_reconstructions(vae_trainer* trainer, const Images& images,
                          std::uint64_t first, std::uint64_t count,
                          std::uint32_t pairs, const std::string& path);

/// One row for each of `rows` pairs of images: decoded codes on the straight
/// line from the code of the one to that of the other, in `steps` steps.
void draw_interpolations(vae_trainer* trainer, const Images& images,
                         std::uint64_t first, std::uint64_t rows,
                         std::uint32_t steps, const std::string& path);

}  // namespace cli
