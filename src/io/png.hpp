// PNG from memory to memory, over libpng: 8 bits, grey or RGB. Sample values
// are taken as they are; no gamma or colour profile is applied.
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

/// Any PNG as 8 bit grey or RGB: a palette becomes RGB, 16 bits are scaled to
/// 8, fewer are scaled up, alpha is dropped. Error(format), naming `origin`,
/// for what is not a whole PNG, or decodes to over 2^30 bytes.
Picture read_png(std::span<const std::byte> bytes, const std::string& origin);

/// The bytes of a PNG file; the same picture gives the same bytes.
/// Error(argument) unless 1 or 3 channels, sides 1..1,000,000 and as many
/// pixels as they say.
std::vector<std::byte> write_png(const Picture& picture);

}  // namespace vae::io
