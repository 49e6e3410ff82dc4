// Links against the definition of a convolution, pixel by pixel.
#include "engine/tile/geometry.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

namespace vae::engine::tile {
namespace {

using model::Extent;
using model::Layer;
using model::LayerKind;

using Triple = std::tuple<std::int32_t, std::int32_t, std::int32_t>;

/// Whether the definition has a product of these two positions along one axis:
/// a convolution reads in[out * stride + tap - 1], a transposed one adds to
/// out[in * stride + tap - 1].
bool linked(const Layer& layer, std::int64_t in, std::int64_t out,
            std::int64_t tap) {
  return layer.kind == LayerKind::conv_transposed
             ? out == in * layer.stride + tap - 1
             : in == out * layer.stride + tap - 1;
}

std::vector<Triple> defined(const Layer& layer) {
  std::vector<Triple> all;
  const std::int64_t k = layer.kernel, in = layer.in.h * layer.in.w,
                     out = layer.out.h * layer.out.w;
  for (std::int64_t i = 0; i < in; ++i)
    for (std::int64_t o = 0; o < out; ++o)
      for (std::int64_t tap = 0; tap < k * k; ++tap)
        if (linked(layer, i / layer.in.w, o / layer.out.w, tap / k) &&
            linked(layer, i % layer.in.w, o % layer.out.w, tap % k))
          all.emplace_back(static_cast<std::int32_t>(i),
                           static_cast<std::int32_t>(o),
                           static_cast<std::int32_t>(tap));
  std::sort(all.begin(), all.end());
  return all;
}

/// All links of a grouping are the defined ones; each group holds its own, in
/// the order of taps and then of the smaller side's pixels.
void check_groups(const Layer& layer, const Links& links,
                  std::int32_t Link::*group, std::int64_t groups) {
  const bool transposed = layer.kind == LayerKind::conv_transposed;
  std::vector<Triple> all;
  for (std::int64_t g = 0; g < groups; ++g) {
    std::pair<std::int32_t, std::int32_t> last{-1, -1};
    for (const Link& link : links.of(g)) {
      CHECK_EQ(link.*group, g);
      const std::pair place{link.tap, transposed ? link.in : link.out};
      CHECK_MESSAGE(last < place, "group ", g, ", tap ", link.tap);
      last = place;
      all.emplace_back(link.in, link.out, link.tap);
    }
  }
  std::sort(all.begin(), all.end());
  CHECK(all == defined(layer));
}

void check_layer(const Layer& layer) {
  CAPTURE(layer.kernel);
  CAPTURE(layer.stride);
  CAPTURE(layer.in.h);
  CAPTURE(layer.in.w);
  CAPTURE(static_cast<int>(layer.kind));
  const Geometry geometry = make_geometry(layer);
  CHECK_EQ(geometry.taps, layer.kernel * layer.kernel);
  CHECK_FALSE(defined(layer).empty());
  check_groups(layer, geometry.by_out, &Link::out, layer.out.h * layer.out.w);
  check_groups(layer, geometry.by_in, &Link::in, layer.in.h * layer.in.w);
  check_groups(layer, geometry.by_tap, &Link::tap, geometry.taps);
}

constexpr std::pair<std::uint32_t, std::uint32_t> kSizes[]{
    {2, 2}, {4, 4}, {5, 7}, {13, 10}, {6, 3}, {8, 15}};

TEST_CASE("convolutions and their mirror images, kernels 3 and 4") {
  for (const auto& [height, width] : kSizes)
    for (const std::int64_t kernel : {3, 4})
      for (const std::int64_t stride : {1, 2}) {
        const auto smaller = [&](std::int64_t n) {
          return (n + 2 - kernel) / stride + 1;
        };
        const Extent fine{16, height, width};
        const Extent coarse{16, smaller(height), smaller(width)};
        check_layer({LayerKind::conv, fine, coarse, kernel, stride});
        check_layer({LayerKind::conv_transposed, coarse, fine, kernel, stride});
      }
}

TEST_CASE("the layers of plans, with the padding of odd sides") {
  for (const auto& [height, width] : kSizes)
    for (const std::size_t count : {2u, 3u}) {
      if (count == 3 && std::min(height, width) < 4) continue;
      Config config;
      config.height = height, config.width = width;
      config.layers.assign(count, 16);
      const model::Plan plan = model::make_plan(config);
      for (const auto* layers : {&plan.encoder, &plan.decoder})
        for (const Layer& layer : *layers) check_layer(layer);
    }
}

TEST_CASE("corners of a small image have the taps that fall on it") {
  // 4 x 4 to 2 x 2, kernel 4, stride 2: a corner lacks a row and a column.
  const Geometry g =
      make_geometry({LayerKind::conv, {1, 4, 4}, {1, 2, 2}, 4, 2});
  CHECK_EQ(g.by_out.of(0).size(), 9);
  CHECK_EQ(g.by_out.of(0).front().tap, 5);
  CHECK_EQ(g.by_out.of(0).front().in, 0);
  CHECK_EQ(g.by_out.of(3).back().tap, 10);
  CHECK_EQ(g.by_out.of(3).back().in, 15);
  CHECK_EQ(g.by_tap.of(0).size(), 1);  // only the last pixel reads up and left
}

TEST_CASE("a group without links is empty") {
  const Links links({{0, 2, 0}, {1, 0, 0}}, &Link::out, 4);
  CHECK(links.of(1).empty());
  CHECK(links.of(3).empty());
  REQUIRE_EQ(links.of(2).size(), 1);
  CHECK_EQ(links.of(2)[0].in, 0);
  CHECK_EQ(links.of(0)[0].in, 1);
}

}  // namespace
}  // namespace vae::engine::tile
