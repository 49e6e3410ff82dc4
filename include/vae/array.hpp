// Arrays for NumPy: numbers in a file that numpy.load() reads. Not a format for
// models.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vae/rows.hpp"

namespace vae {

/// Writes an array as a NumPy file (.npy, format 1.0, C order). Written beside
/// the target and renamed, so that the file is whole or as before. NaN and
/// infinity are written as they are. Error(argument) for other than 1 to 8
/// dimensions, a size of 0, or bytes that are not those of the shape;
/// Error(file).
/// C: vae_write_array.
/// @param path  UTF-8; an existing file is replaced.
/// @param bytes The numbers in host memory, the last dimension fastest.
/// @param type  Of a number.
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
