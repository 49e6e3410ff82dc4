// Decompresses gzip (RFC 1952) from memory to memory, with zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vae::io {

/// Limit against decompression bombs; larger than any supported dataset.
constexpr std::uint64_t kMaxGunzip = std::uint64_t{1} << 34;

/// Whether the bytes begin with gzip's magic number.
bool is_gzip(std::span<const std::byte> bytes) noexcept;

/// Decompresses all members. Error(format), naming `origin`, if they are
/// truncated or corrupt, if other bytes follow, or if the result has more than
/// `limit` bytes.
std::vector<std::byte> gunzip(std::span<const std::byte> bytes,
                              const std::string& origin,
                              std::uint64_t limit = kMaxGunzip);

}  // namespace vae::io
