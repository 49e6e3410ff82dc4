// Images in the caller's memory: checked, and copied from one element type and
// layout to another. It allocates nothing and knows no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "vae/dataset.hpp"
#include "vae/rows.hpp"

namespace vae::io {

/// Elements of one image. Error(argument) if a side is zero or the product is
/// over 2^32.
std::uint64_t image_elements(const Shape& shape);

/// "1x28x28".
std::string to_string(const Shape& shape);

/// How the numbers of one image lie in memory.
struct PixelFormat {
  ElementType type = ElementType::uint8;
  Layout layout = Layout::chw;
};

/// Throws unless the format is uint8 or float32 in a known layout.
void check_format(const PixelFormat& format, const char* what);

/// Throws unless `images` is at least one image of `shape`, uint8 or float32,
/// on the CPU, and its buffer holds them all. NaN is refused by image and
/// element; so is infinity unless `clipped`.
void check_images(const Batch& images, const Shape& shape, bool clipped);

/// One image from one format to another: bytes are divided by 255, floats are
/// multiplied by it, rounded and clipped. Equal types are copied unchanged.
/// The memory need not be aligned.
void copy_image(const std::byte* from, PixelFormat from_format, std::byte* to,
                PixelFormat to_format, const Shape& shape);

}  // namespace vae::io
