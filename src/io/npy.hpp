// The header of a NumPy file, format 1.0. The elements follow it as they are in
// memory. This library does not read such files.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "vae/rows.hpp"

namespace vae::io {

/// The header of an array in C order, padded to a multiple of 64 bytes.
/// Error(argument) for an unknown type, unless there are 1 to 8 dimensions, for
/// a size of 0, or if the array exceeds the address space.
std::string npy_header(ElementType type, std::span<const std::uint64_t> shape);

/// Bytes of the elements. Error(argument) as npy_header().
std::uint64_t npy_bytes(ElementType type, std::span<const std::uint64_t> shape);

}  // namespace vae::io
