// The IDX format of MNIST: a type, a few sizes, the numbers. Only unsigned
// bytes, which is what images and labels are made of.
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

/// Error(format), naming `origin`, unless the bytes are exactly one IDX array
/// of unsigned bytes with 1 to 4 dimensions.
Idx parse_idx(std::span<const std::byte> bytes, const std::string& origin);

/// Images from a file, gzipped or not: 3 dimensions are [image][row][column],
/// 4 are [image][channel][row][column]. At least one image, no side zero.
Images read_idx_images(const std::string& path);

/// Labels from a file of 1 dimension, gzipped or not.
std::vector<std::int32_t> read_idx_labels(const std::string& path);

}  // namespace vae::data
