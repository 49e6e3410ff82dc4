// Which pixels of a convolution's input and output belong together, and by
// which tap of the kernel. Taps that would fall on padding are in no list, so
// nobody computes with zeros. No arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/plan.hpp"

namespace vae::engine::tile {

/// One product: input pixel, output pixel and the tap between them, each
/// counted row by row.
struct Link {
  std::int32_t in, out, tap;
};

/// Of a layer, in the order of taps, then of the pixels of its smaller side.
std::vector<Link> links_of(const model::Layer& layer);

/// All links of a layer, grouped by one of the three.
class Links {
 public:
  Links() = default;
  Links(const std::vector<Link>& links, std::int32_t Link::*group,
        std::int64_t groups);
  std::span<const Link> of(std::int64_t group) const;

 private:
  std::vector<Link> sorted_;
  std::vector<std::size_t> start_;
};

/// Inside a group links keep the order of taps, then of pixels: sums are always
/// formed in it.
struct Geometry {
  std::int64_t taps = 1;
  Links by_out, by_in, by_tap;
};

Geometry make_geometry(const model::Layer& layer);

}  // namespace vae::engine::tile
