// Reads and writes whole files. Writing goes to a temporary file in the
// target's directory, which is synced and renamed, so a failure does not change
// the target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace vae::io {

/// The content of a regular file. Error(file) names the path and the operating
/// system's reason; Error(format) if the file has more than `limit` bytes.
std::vector<std::byte> read_file(const std::string& path,
                                 std::uint64_t limit = std::uint64_t{1} << 40);

/// Error(file) with the path and the reason if `error` is set.
void require_readable(const std::error_code& error, const std::string& path);

/// Replaces or creates `path`. Links are followed; permissions of an existing
/// file are kept. Error(file) names the path and the reason, also if the target
/// is not a regular file; then the target is unchanged and no temporary file
/// remains.
void write_file_atomically(const std::string& path,
                           std::span<const std::byte> bytes);
/// The same for pieces that are written one after the other.
void write_file_atomically(
    const std::string& path,
    std::initializer_list<std::span<const std::byte>> pieces);

}  // namespace vae::io
