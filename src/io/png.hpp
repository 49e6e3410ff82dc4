// PNG from memory to memory, with libpng: 8 bits, grey or RGB. Gamma and colour
// profiles are not applied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vae::io {

/// 8 bit samples, [row][column][channel].
struct Picture {
  std::uint32_t channels = 1;  ///< 1 grey, 3 RGB
  std::uint32_t height = 0, width = 0;
  std::vector<std::uint8_t> pixels;
};

/// Any PNG as 8-bit grey or RGB: a palette becomes RGB, other bit depths are
/// scaled to 8, alpha is dropped. Error(format), naming `origin`, for an
/// invalid or truncated PNG, or one that decodes to more than 2^30 bytes.
Picture read_png(std::span<const std::byte> bytes, const std::string& origin);

/// The bytes of a PNG file; the same picture gives the same bytes.
/// Error(argument) unless there are 1 or 3 channels, sides are 1..1,000,000 and
/// `pixels` has the matching size.
std::vector<std::byte> write_png(const Picture& picture);

}  // namespace vae::io
