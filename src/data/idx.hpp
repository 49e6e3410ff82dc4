// The IDX format of MNIST: element type, sizes, data. Only unsigned bytes, the
// type of images and labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/images.hpp"

namespace vae::data {

/// A view into the bytes that were parsed.
struct Idx {
  std::vector<std::uint32_t> sizes;
  std::span<const std::byte> numbers;  // product of sizes, one byte each
};

/// Parses exactly one IDX array of unsigned bytes with 1 to 4 dimensions, else
/// Error(format), naming `origin`.
Idx parse_idx(std::span<const std::byte> bytes, const std::string& origin);

/// Images from a file, gzipped or not: [image][row][column] or
/// [image][channel][row][column]. At least one image; no side is zero.
Images read_idx_images(const std::string& path);

/// Labels from a one-dimensional file, gzipped or not.
std::vector<std::int32_t> read_idx_labels(const std::string& path);

}  // namespace vae::data
