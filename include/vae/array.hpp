// Writes arrays to NumPy files, which numpy.load() reads. Models have their own
// format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vae/rows.hpp"

namespace vae {

/// Writes an array to a NumPy file (.npy, format 1.0, C order). A failed call
/// does not change an existing file. NaN and infinity are allowed.
/// Error(argument) unless the array has 1 to 8 dimensions, no size is 0, and
/// `bytes` has the size of the shape; Error(file).
/// C: vae_write_array.
/// @param path  UTF-8; an existing file is replaced.
/// @param bytes Elements in host memory, the last dimension fastest.
/// @param type  Type of an element.
/// @param shape Size of each dimension.
void write_array(const std::string& path, std::span<const std::byte> bytes,
                 ElementType type, std::span<const std::uint64_t> shape);

/// The same for a vector, array or span of floats, such as codes:
/// `write_array("codes.npy", codes.mean, {count, latent})`.
/// @param path    UTF-8; an existing file is replaced.
/// @param numbers What to write.
/// @param shape   Size of each dimension.
inline void write_array(const std::string& path, std::span<const float> numbers,
                        const std::vector<std::uint64_t>& shape) {
  write_array(path, std::as_bytes(numbers), ElementType::float32, shape);
}

/// The same for bytes.
/// @param path    UTF-8; an existing file is replaced.
/// @param numbers What to write.
/// @param shape   Size of each dimension.
inline void write_array(const std::string& path,
                        std::span<const std::uint8_t> numbers,
                        const std::vector<std::uint64_t>& shape) {
  write_array(path, std::as_bytes(numbers), ElementType::uint8, shape);
}

/// The same for 64-bit integers.
/// @param path    UTF-8; an existing file is replaced.
/// @param numbers What to write.
/// @param shape   Size of each dimension.
inline void write_array(const std::string& path,
                        std::span<const std::int64_t> numbers,
                        const std::vector<std::uint64_t>& shape) {
  write_array(path, std::as_bytes(numbers), ElementType::int64, shape);
}

}  // namespace vae
