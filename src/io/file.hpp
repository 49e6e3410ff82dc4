// Whole files in and out. Writing goes to a temporary file beside the target,
// is synced and renamed: the target is whole or as it was. No streams, no
// formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace vae::io {

/// The bytes of a regular file. Error(file) names the path and the operating
/// system's reason; Error(format) if the file is over `limit` bytes.
std::vector<std::byte> read_file(const std::string& path,
                                 std::uint64_t limit = std::uint64_t{1} << 40);

/// Replaces or creates `path`; a link is followed, an existing file's
/// permissions are kept. Error(file) names the path and the reason; then the
/// target is as it was and nothing else is left behind. What exists and is no
/// regular file is refused.
void write_file_atomically(const std::string& path,
                           std::span<const std::byte> bytes);
/// The same of pieces that follow each other in the file.
void write_file_atomically(
    const std::string& path,
    std::initializer_list<std::span<const std::byte>> pieces);

}  // namespace vae::io
