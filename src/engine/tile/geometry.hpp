// Where the numbers of an activation lie in memory, and which of them the GEMMs
// of a layer multiply. An activation is cut into tiles of up to 64 images by up
// to 64 channels of one pixel, so that a layer is a sum of small dense GEMMs,
// one for each pair of pixels that a tap of the kernel connects. docs/tile.md
// has the address formula. Addresses and pixel numbers only, no arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/device.hpp"
#include "model/plan.hpp"

namespace vae::engine::tile {

// Tiles in memory.

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
/// matrix of a GEMM in bfloat16, [rows / 2][channels][2].
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

// The connections of a layer.

/// One product: input pixel, output pixel and the tap between them, each
/// counted row by row.
struct Link {
  std::int32_t in, out, tap;
};

/// Of a layer, in the order of taps, then of the pixels of its smaller side.
std::vector<Link> links_of(const model::Layer& layer);

/// How many there are.
std::int64_t link_count(const model::Layer& layer);

/// All links of a layer, grouped by one of the three.
class Links {
 public:
  Links() = default;
  Links(const std::vector<Link>& links, std::int32_t Link::*group,
        std::int64_t groups);
  std::span<const Link> of(std::int64_t group) const {
    const auto i = static_cast<std::size_t>(group);
    return {sorted_.data() + start_[i], start_[i + 1] - start_[i]};
  }

 private:
  std::vector<Link> sorted_;
  std::vector<std::size_t> start_;
};

/// A sum over links is split into parts, one task each (split-K). The parts
/// depend on the shape alone, so sums do not depend on the number of threads.
struct SplitK {
  std::int64_t links, parts;  // links of a part
  static SplitK of(std::int64_t links) {
    constexpr std::int64_t kParts = 8;
    const std::int64_t each = (links + kParts - 1) / kParts;
    return {each, (links + each - 1) / each};
  }
  std::span<const Link> part(std::span<const Link> all, std::int64_t i) const {
    const auto first = static_cast<std::size_t>(i * links);
    return all.subspan(
        first, std::min(static_cast<std::size_t>(links), all.size() - first));
  }
};

/// Inside a group links keep the order of taps, then of pixels: sums are always
/// formed in it.
struct Geometry {
  std::int64_t taps = 1;
  Links by_out, by_in, by_tap;
};

Geometry make_geometry(const model::Layer& layer);

/// Pixels of the image that an output pixel of the first layer (an input pixel
/// of the last) is connected with: [pixel][tap], -1 where the padding is.
struct Taps {
  std::int64_t pixels, taps;
  std::vector<std::int32_t> image_pixel;
  std::int32_t at(std::int64_t pixel, std::int64_t tap) const {
    return image_pixel[static_cast<std::size_t>(pixel * taps + tap)];
  }
};

// A single image: tiles would have one row each. So the rows of its GEMMs are
// pixels, and activations lie in planes (Map::planes). A strip is some rows of
// output pixels. A run is what one GEMM computes for a strip: pixels of a row
// that one tap connects lie at equal distances.

/// `count` links of one tap: from pixels in, in + in_step, ... to out,
/// out + out_step, ...
struct Run {
  std::int32_t in, out, tap, count, in_step, out_step;
};

class Strips {
 public:
  Strips() = default;
  /// Without its runs.
  explicit Strips(std::int64_t width) : width_(width) {}
  /// Of an output of `out_pixels`, `width` of them in a strip: whole rows.
  Strips(const Geometry& geometry, std::int64_t out_pixels, std::int64_t width);

  std::int64_t count() const {
    return static_cast<std::int64_t>(start_.size()) - 1;
  }
  std::int64_t width() const { return width_; }
  /// In the order of taps, then of pixels: the order in which links are summed.
  std::span<const Run> of(std::int64_t strip) const {
    const auto i = static_cast<std::size_t>(strip);
    return {runs_.data() + start_[i], start_[i + 1] - start_[i]};
  }

 private:
  std::int64_t width_ = 0;
  std::vector<Run> runs_;
  std::vector<std::size_t> start_{0};
};

}  // namespace vae::engine::tile
