// How activations lie in memory: cut into tiles of up to 64 images by up to 64
// channels of one pixel, so that each layer is a sum of small dense GEMMs.
// docs/tile.md has the address formula. Addresses only, no arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/device.hpp"

namespace vae::engine::tile {

inline constexpr std::int64_t kMostRows = 64;
inline constexpr std::int64_t kMostColumns = 64;  // channels of a block

/// The largest of 64, 32 and 16 that divides a number of channels; 0: none.
constexpr std::int64_t channel_block(std::int64_t channels) {
  for (const std::int64_t block : {64, 32, 16})
    if (channels % block == 0) return block;
  return 0;
}

/// A number of rows made even: bfloat16 is multiplied in pairs.
constexpr std::int64_t even(std::int64_t n) { return n + n % 2; }

/// How a batch is cut into blocks of images.
struct Batch {
  std::int64_t count = 0;
  std::int64_t rows = kMostRows;  // of a whole block

  std::int64_t blocks() const { return (count + rows - 1) / rows; }
  std::int64_t first(std::int64_t block) const { return block * rows; }
  std::int64_t rows_of(std::int64_t block) const {
    return std::min(rows, count - first(block));
  }
};

/// Which tile of a map.
struct TileIndex {
  std::int64_t image_block, pixel, block;  // block: of channels
};

/// The part of a tile that is in use. Rows beyond `rows`, up to an even number,
/// exist and are written as zero where a GEMM would read them.
struct TileSize {
  std::int64_t rows, columns;
  std::int64_t capacity;  // numbers in a row of the transposed tile
};

/// Tiles [block of images][pixel][block of channels], each of `tile_elements`
/// numbers in one piece: [rows][channels], [channels][rows] or, for the right
/// operand of a GEMM in bfloat16, [rows / 2][channels][2].
template <class T>
class Map {
 public:
  Map() = default;
  Map(Device& device, std::int64_t image_blocks, std::int64_t pixels,
      std::int64_t channel_blocks, std::int64_t tile_elements)
      : image_step_(pixels * channel_blocks * tile_elements),
        pixel_step_(channel_blocks * tile_elements),
        block_step_(tile_elements),
        memory_(device.allocate(image_blocks * image_step_ *
                                std::int64_t{sizeof(T)})) {}

  /// The same memory with other tiles, for a smaller or equal number of
  /// elements.
  Map view(std::int64_t pixels, std::int64_t channel_blocks,
           std::int64_t tile_elements) const {
    Map other(*this);
    other.image_step_ = pixels * channel_blocks * tile_elements;
    other.pixel_step_ = channel_blocks * tile_elements;
    other.block_step_ = tile_elements;
    return other;
  }
  /// The same memory for one image alone, [block of channels][pixel][channels]:
  /// tiles of one row, and pixels next to each other.
  Map planes(std::int64_t pixels, std::int64_t channels) const {
    Map other(*this);
    other.image_step_ = 0;
    other.pixel_step_ = channels;
    other.block_step_ = pixels * channels;
    return other;
  }

  T* tile(const TileIndex& at) const {
    return tile(at.image_block, at.pixel, at.block);
  }
  T* tile(std::int64_t image_block, std::int64_t pixel,
          std::int64_t block) const {
    return static_cast<T*>(memory_.get()) + image_block * image_step_ +
           pixel * pixel_step_ + block * block_step_;
  }
  /// Numbers from a pixel to the next one.
  std::int64_t pixel_step() const { return pixel_step_; }

 private:
  std::int64_t image_step_ = 0, pixel_step_ = 0, block_step_ = 0;
  Buffer memory_;
};

}  // namespace vae::engine::tile
