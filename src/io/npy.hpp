// The head of a NumPy file, format 1.0. What follows it are the numbers as they
// lie in memory; reading is NumPy's business.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "vae/rows.hpp"

namespace vae::io {

/// What stands before the numbers of an array in C order: a multiple of 64
/// bytes. Error(argument) for a type that does not exist, other than 1 to 8
/// dimensions, a size of 0, or more bytes than can be addressed.
std::string npy_header(ElementType type, std::span<const std::uint64_t> shape);

/// Bytes of the numbers. Error(argument) as npy_header().
std::uint64_t npy_bytes(ElementType type, std::span<const std::uint64_t> shape);

}  // namespace vae::io
