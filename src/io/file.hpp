// Whole files in and out. Writing goes to a temporary file beside the target,
// is synced and renamed: the target is whole or as it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vae::io {

/// Error(file) names the path and the operating system's reason. A file over
/// `limit` bytes is refused.
std::vector<std::byte> read_file(const std::string& path,
                                 std::uint64_t limit = std::uint64_t{1} << 40);

void write_file_atomically(const std::string& path,
                           std::span<const std::byte> bytes);

}  // namespace vae::io
