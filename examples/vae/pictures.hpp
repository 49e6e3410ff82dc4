// The pictures of the commands: grids of images in one PNG file. The library
// computes the images and writes the file.
#pragma once

#include <cstdint>
#include <string>

#include "handles.hpp"

namespace cli {

/// Whether images of this shape can be drawn: grey or RGB.
bool drawable(const Shape& shape);

/// Throws Failure unless a picture of `count` images, `columns` per row, can be
/// written. The functions below check it too.
void check_grid(std::uint64_t count, const Shape& shape, std::uint64_t columns,
                const std::string& path);

/// Sampled images, `columns` per row.
void draw_samples(vae_trainer* trainer, const vae_sampling& sampling,
                  std::uint32_t columns, const std::string& path);

/// Pairs of image and reconstruction side by side, `pairs` pairs per row.
void draw_reconstructions(vae_trainer* trainer, const Images& images,
                          std::uint64_t first, std::uint64_t count,
                          std::uint32_t pairs, const std::string& path);

/// One row per pair of images: decoded codes interpolated linearly from the
/// code of the first to that of the second, in `steps` steps.
void draw_interpolations(vae_trainer* trainer, const Images& images,
                         std::uint64_t first, std::uint64_t rows,
                         std::uint32_t steps, const std::string& path);

}  // namespace cli
