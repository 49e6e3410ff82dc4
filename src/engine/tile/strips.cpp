// See strips.hpp.
#include "engine/tile/strips.hpp"

#include <algorithm>
#include <gsl/gsl>

namespace vae::engine::tile {
namespace {

/// Makes `run` longer by a link; false if the link lies elsewhere.
bool extend(Run& run, const Link& link) {
  if (link.tap != run.tap) return false;
  const std::int32_t in_step =
      link.in - (run.in + (run.count - 1) * run.in_step);
  const std::int32_t out_step =
      link.out - (run.out + (run.count - 1) * run.out_step);
  if (run.count > 1 && (in_step != run.in_step || out_step != run.out_step))
    return false;
  run.in_step = in_step, run.out_step = out_step;
  ++run.count;
  return true;
}

}  // namespace

Strips::Strips(const Geometry& geometry, std::int64_t out_pixels,
               std::int64_t width)
    : width_(width) {
  Expects(width > 0 && out_pixels % width == 0);
  std::vector<Link> links;
  for (std::int64_t first = 0; first < out_pixels; first += width) {
    links.clear();
    for (std::int64_t out = first; out < first + width; ++out) {
      const std::span<const Link> some = geometry.by_out.of(out);
      links.insert(links.end(), some.begin(), some.end());
    }
    std::stable_sort(
        links.begin(), links.end(),
        [](const Link& a, const Link& b) { return a.tap < b.tap; });
    for (const Link& link : links)
      if (runs_.size() == start_.back() || !extend(runs_.back(), link))
        runs_.push_back({link.in, link.out, link.tap, 1, 1, 1});
    start_.push_back(runs_.size());
  }
}

std::span<const Run> Strips::of(std::int64_t strip) const {
  const auto i = gsl::narrow_cast<std::size_t>(strip);
  return {runs_.data() + start_[i], start_[i + 1] - start_[i]};
}

}  // namespace vae::engine::tile
