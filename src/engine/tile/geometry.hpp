// Which pixels of a convolution's input and output belong together, and by
// which tap of the kernel. Taps that fall on padding are in no list, so no GEMM
// multiplies zeros. No arithmetic.
#pragma once

#include <algorithm>
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

/// How many there are.
std::int64_t link_count(const model::Layer& layer);

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

}  // namespace vae::engine::tile
