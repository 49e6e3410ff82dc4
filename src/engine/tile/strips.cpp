// See strips.hpp.
#include "engine/tile/strips.hpp"

#include <algorithm>
#include <gsl/gsl>

#include "base/check.hpp"

namespace vae::engine::tile {
namespace {

// Makes `run` longer by a link; false if it does not continue the run. The
// second link of a run sets its two steps, which all others must have.
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

// links of one tap -> those with an output pixel in [first, first + count). For
// one tap, links in the order of one side's pixels are in that of the other's,
// so two binary searches find them.
std::span<const Link> links_to(std::span<const Link> links, std::int64_t first,
                               std::int64_t count) {
  const auto begin =
      std::partition_point(links.begin(), links.end(),
                           [=](const Link& link) { return link.out < first; });
  const auto end = std::partition_point(
      begin, links.end(),
      [=](const Link& link) { return link.out < first + count; });
  return {begin, end};
}

}  // namespace

Strips::Strips(const Geometry& geometry, std::int64_t out_pixels,
               std::int64_t width)
    : width_(width) {
  expect(width > 0 && out_pixels % width == 0);
  for (std::int64_t first = 0; first < out_pixels; first += width) {
    for (std::int64_t tap = 0; tap < geometry.taps; ++tap)
      for (const Link& link : links_to(geometry.by_tap.of(tap), first, width))
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
