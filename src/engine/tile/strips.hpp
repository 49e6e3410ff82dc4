// A single image: the rows of its GEMMs are pixels, not images. A strip is some
// rows of output pixels. A run is what one GEMM computes for a strip: pixels of
// a row that one tap connects lie at equal distances. No arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tile/geometry.hpp"

namespace vae::engine::tile {

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
  std::span<const Run> of(std::int64_t strip) const;

 private:
  std::int64_t width_ = 0;
  std::vector<Run> runs_;
  std::vector<std::size_t> start_{0};
};

}  // namespace vae::engine::tile
