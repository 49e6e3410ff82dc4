// See geometry.hpp.
#include "engine/tile/geometry.hpp"

#include <gsl/gsl>

#include "base/check.hpp"

namespace vae::engine::tile {
namespace {

// A strided convolution maps pixel `coarse` of its smaller side and a tap to a
// pixel of its larger side; -1: to padding. Along one axis.
std::int64_t fine_of(std::int64_t coarse, std::int64_t tap, std::int64_t stride,
                     std::int64_t size) {
  const std::int64_t fine = coarse * stride + tap - model::kPadding;
  return fine >= 0 && fine < size ? fine : -1;
}

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

// [kernel * kernel][coarse.h * coarse.w] -> links, padding left out
std::vector<Link> links_of(const model::Layer& layer) {
  const bool transposed = layer.kind == model::LayerKind::conv_transposed;
  // A transposed convolution is the backward of a convolution: the same links,
  // with input and output exchanged.
  const model::Extent coarse = transposed ? layer.in : layer.out;
  const model::Extent fine = transposed ? layer.out : layer.in;
  std::vector<Link> links;
  for (std::int64_t ky = 0; ky < layer.kernel; ++ky)
    for (std::int64_t kx = 0; kx < layer.kernel; ++kx)
      for (std::int64_t y = 0; y < coarse.h; ++y)
        for (std::int64_t x = 0; x < coarse.w; ++x) {
          const std::int64_t fy = fine_of(y, ky, layer.stride, fine.h);
          const std::int64_t fx = fine_of(x, kx, layer.stride, fine.w);
          if (fy < 0 || fx < 0) continue;
          const auto c = gsl::narrow<std::int32_t>(y * coarse.w + x);
          const auto f = gsl::narrow<std::int32_t>(fy * fine.w + fx);
          const auto tap = gsl::narrow<std::int32_t>(ky * layer.kernel + kx);
          links.push_back(transposed ? Link{c, f, tap} : Link{f, c, tap});
        }
  return links;
}

// Along one axis: pairs of a pixel of the smaller side and a tap that is not on
// padding.
std::int64_t link_count(const model::Layer& layer) {
  const bool transposed = layer.kind == model::LayerKind::conv_transposed;
  const model::Extent& coarse = transposed ? layer.in : layer.out;
  const model::Extent& fine = transposed ? layer.out : layer.in;
  const auto along = [&](std::int64_t pixels, std::int64_t size) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < pixels; ++i)
      for (std::int64_t tap = 0; tap < layer.kernel; ++tap)
        if (fine_of(i, tap, layer.stride, size) >= 0) ++count;
    return count;
  };
  return along(coarse.h, fine.h) * along(coarse.w, fine.w);
}

// A counting sort, since images have millions of pixels. It is stable: inside a
// group links keep their order, in which sums are formed.
Links::Links(const std::vector<Link>& links, std::int32_t Link::*group,
             std::int64_t groups)
    : sorted_(links.size()), start_(gsl::narrow<std::size_t>(groups) + 1) {
  const auto group_of = [group](const Link& link) {
    return gsl::narrow_cast<std::size_t>(link.*group);
  };
  // start_[g + 1] counts group g, then becomes where group g + 1 begins.
  for (const Link& link : links) ++start_[group_of(link) + 1];
  for (std::size_t i = 1; i < start_.size(); ++i) start_[i] += start_[i - 1];
  std::vector<std::size_t> next(start_);
  for (const Link& link : links) sorted_[next[group_of(link)]++] = link;
}

Geometry make_geometry(const model::Layer& layer) {
  const std::vector<Link> links = links_of(layer);
  const std::int64_t taps = layer.kernel * layer.kernel;
  return {taps, Links(links, &Link::out, layer.out.h * layer.out.w),
          Links(links, &Link::in, layer.in.h * layer.in.w),
          Links(links, &Link::tap, taps)};
}

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

}  // namespace vae::engine::tile
