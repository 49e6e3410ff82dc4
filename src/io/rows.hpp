// Checks images in the caller's memory, and copies them between element types
// and layouts. Does not allocate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "vae/dataset.hpp"
#include "vae/rows.hpp"

namespace vae::io {

/// Elements of one image. Error(argument) if a side is zero or the product
/// exceeds 2^32.
std::uint64_t image_elements(const Shape& shape);

/// "1x28x28".
std::string to_string(const Shape& shape);

/// Element type and layout of an image.
struct PixelFormat {
  ElementType type = ElementType::uint8;
  Layout layout = Layout::chw;
};

/// Throws unless the format is uint8 or float32 in a known layout.
void check_format(const PixelFormat& format, const char* what);

/// Throws unless `images` has at least one image of `shape`, uint8 or float32,
/// on the CPU, and its buffer is large enough. NaN, and infinity unless
/// `clipped`, is an error that names image and element.
void check_images(const Batch& images, const Shape& shape, bool clipped);

/// Converts one image: bytes are divided by 255; floats are multiplied by 255,
/// rounded and clipped; equal types are copied unchanged. The memory need not
/// be aligned.
void copy_image(const std::byte* from, PixelFormat from_format, std::byte* to,
                PixelFormat to_format, const Shape& shape);

}  // namespace vae::io
