// The order of the blocks engine's flat buffers: segments are aligned and do
// not overlap, their strides visit each float once, and the two heads are
// adjacent.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/blocks/parameters.hpp"

namespace vae::engine::blocks {
namespace {

Config config_of(Net net, std::uint32_t channels, std::uint32_t height,
                 std::uint32_t width, std::vector<std::uint32_t> layers) {
  Config config;
  config.net = net;
  config.channels = channels, config.height = height, config.width = width;
  config.layers = std::move(layers);
  config.latent = 5;
  return config;
}

const Config kConfigs[]{
    {},
    config_of(Net::conv, 3, 13, 10, {4, 5, 6, 7}),
    config_of(Net::conv, 1, 2, 3, {1, 1}),
    config_of(Net::dense, 2, 3, 4, {7, 6}),
    config_of(Net::dense, 1, 1, 9, {4}),
};

/// Calls visit(canonical, flat) for every element of a segment.
template <class Visit>
void each_element(const Segment& segment, Visit visit) {
  std::int64_t count = 1;
  for (const Dim& dim : segment.dims) count *= dim.size;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, canonical = 0, flat = 0;
    for (auto dim = segment.dims.rbegin(); dim != segment.dims.rend(); ++dim) {
      canonical += rest % dim->size * dim->canonical;
      flat += rest % dim->size * dim->flat;
      rest /= dim->size;
    }
    visit(canonical, flat);
  }
}

/// A segment is dense, because it is copied as one block of memory: every
/// element has its own index in the tensor and in the buffer, and no other
/// segment uses that float (`used`).
bool covers(const Segment& segment, std::int64_t elements,
            std::vector<bool>& used) {
  std::vector<bool> read(static_cast<std::size_t>(elements));
  std::int64_t visited = 0;
  bool good = segment.offset >= 0;
  each_element(segment, [&](std::int64_t canonical, std::int64_t flat) {
    const auto from = static_cast<std::size_t>(canonical);
    const auto to = static_cast<std::size_t>(segment.offset + flat);
    good = good && flat >= 0 && flat < elements && canonical >= 0 &&
           canonical < elements && to < used.size() && !used[to] && !read[from];
    if (!good) return;
    used[to] = read[from] = true;
    ++visited;
  });
  return good && visited == elements;
}

void check_cover(const std::vector<Segment>& segments,
                 const std::vector<model::Tensor>& tensors,
                 std::int64_t floats) {
  std::vector<bool> used(static_cast<std::size_t>(floats));
  REQUIRE(segments.size() == tensors.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    INFO(tensors[i].name);
    CHECK(covers(segments[i], tensors[i].elements(), used));
  }
}

TEST_CASE("segments are covered exactly, do not overlap and stay inside") {
  for (const Config& config : kConfigs) {
    const model::Plan plan = model::make_plan(config);
    const Layout layout = make_layout(plan);
    check_cover(layout.params, plan.params, layout.param_floats);
    check_cover(layout.running, plan.running, layout.running_floats);
  }
}

TEST_CASE("offsets and sizes are multiples of 64 floats, but for the heads") {
  for (const Config& config : kConfigs) {
    const model::Plan plan = model::make_plan(config);
    const Layout layout = make_layout(plan);
    CHECK_EQ(layout.param_floats % 64, 0);
    CHECK_EQ(layout.running_floats % 64, 0);
    for (std::size_t i = 0; i < layout.params.size(); ++i) {
      const auto index = static_cast<int>(i);
      if (index == plan.logvar_head.weight || index == plan.logvar_head.bias)
        continue;
      CHECK_EQ(layout.params[i].offset % 64, 0);
    }
    for (const Segment& segment : layout.running)
      CHECK_EQ(segment.offset % 64, 0);
  }
}

TEST_CASE("the heads are adjacent, so that they are one GEMM") {
  for (const Config& config : kConfigs) {
    const model::Plan plan = model::make_plan(config);
    const Layout layout = make_layout(plan);
    const auto end_of = [&](int index) {
      const auto i = static_cast<std::size_t>(index);
      return layout.params[i].offset + plan.params[i].elements();
    };
    const auto start_of = [&](int index) {
      return layout.params[static_cast<std::size_t>(index)].offset;
    };
    CHECK_EQ(end_of(plan.mean_head.weight), start_of(plan.logvar_head.weight));
    CHECK_EQ(end_of(plan.mean_head.bias), start_of(plan.logvar_head.bias));
  }
}

TEST_CASE("channels of an image come last") {
  const model::Plan plan =
      model::make_plan(config_of(Net::conv, 3, 8, 8, {4, 5}));
  const Layout layout = make_layout(plan);
  const auto dims_of = [&](const char* name) {
    const auto entry = plan.entries[static_cast<std::size_t>(plan.find(name))];
    return layout.params[static_cast<std::size_t>(entry.index)].dims;
  };
  const auto check = [](const std::vector<Dim>& got,
                        const std::vector<Dim>& expected) {
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      CHECK_EQ(got[i].size, expected[i].size);
      CHECK_EQ(got[i].canonical, expected[i].canonical);
      CHECK_EQ(got[i].flat, expected[i].flat);
    }
  };
  // [O, I, 4, 4] as [O, 4, 4, I].
  check(dims_of("encoder.0.weight"),
        {{4, 48, 48}, {3, 16, 1}, {4, 4, 12}, {4, 1, 3}});
  // [L, C, H, W] as [L, H, W, C], and the other way round.
  check(dims_of("fc11.weight"),
        {{5, 80, 80}, {5, 16, 1}, {4, 4, 20}, {4, 1, 5}});
  check(dims_of("fc2.weight"),
        {{5, 80, 5}, {4, 20, 100}, {4, 5, 25}, {5, 1, 1}});
  check(dims_of("fc2.bias"), {{5, 16, 1}, {4, 4, 20}, {4, 1, 5}});
  check(dims_of("fc11.bias"), {{5, 1, 1}});
}

}  // namespace
}  // namespace vae::engine::blocks
