// Checks rows in the caller's memory, and copies images between element types
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

/// Allowed values of float32 rows.
enum class ValueRange { unit, finite, not_nan };  // unit: [0, 1]

/// Requirements for the rows of a call.
struct RowRule {
  const char* what;        // "images", "codes"
  std::uint64_t elements;  // of one row
  bool bytes_allowed;      // uint8 as well as float32
  ValueRange range;
};

/// Throws unless `batch` has at least one row, in a type, layout and device
/// that are allowed, its buffer is large enough, and its values are in range.
/// Device memory is allowed if `device` is cuda; its values are not checked.
void check_rows(const Batch& batch, const RowRule& rule, DeviceKind device);

/// The same for the buffer of `count` rows; returns the bytes that they take.
std::uint64_t check_output(const Output& output, const RowRule& rule,
                           std::uint64_t count, DeviceKind device);

/// Element type and layout of an image.
struct PixelFormat {
  ElementType type = ElementType::uint8;
  Layout layout = Layout::chw;
};

/// Converts one image: bytes are divided by 255; floats are multiplied by 255,
/// rounded and clipped; equal types are copied unchanged. The memory need not
/// be aligned.
void copy_image(const std::byte* from, PixelFormat from_format, std::byte* to,
                PixelFormat to_format, const Shape& shape);

}  // namespace vae::io
