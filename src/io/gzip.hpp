// Gzip from memory to memory (RFC 1952), over zlib. It only reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vae::io {

/// More than any data set that fits this library; a bomb stops here.
constexpr std::uint64_t kMaxGunzip = std::uint64_t{1} << 34;

/// Whether the bytes begin as gzip does.
bool is_gzip(std::span<const std::byte> bytes) noexcept;

/// All members, decompressed. Error(format), naming `origin`, if they are
/// truncated or corrupt, if anything but another member follows, or if more
/// than `limit` bytes come out.
std::vector<std::byte> gunzip(std::span<const std::byte> bytes,
                              const std::string& origin,
                              std::uint64_t limit = kMaxGunzip);

}  // namespace vae::io
