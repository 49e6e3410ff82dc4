// A plan as tiled layers: the offset of every tensor, the order of its elements
// in the tiles, and unsupported plans.
#include "engine/tile/network.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "tile/tile_cases.hpp"
#include "unit/testing.hpp"

namespace vae::engine::tile {
namespace {

using model::Layer;

std::vector<model::Plan> plans() {
  Config square = small_tiles();
  square.channels = 4, square.latent = 64;
  square.layers = {64, 16, 32, 80};
  square.height = square.width = 24;
  std::vector<model::Plan> made;
  for (const Config& c : {small_tiles(), colour_tiles(), square})
    made.push_back(model::make_plan(c));
  return made;
}

/// body(plan, network) for each.
template <class Body>
void each_network(Body body) {
  for (const model::Plan& plan : plans()) {
    CAPTURE(plan.params.size());
    body(plan, make_network(plan, 1));
  }
}

/// All places of a segment in the flat buffer, in PyTorch's order.
std::vector<std::int64_t> places(const Segment& segment) {
  std::vector<std::pair<std::int64_t, std::int64_t>> all{{0, segment.offset}};
  for (const Dim& dim : segment.dims) {
    std::vector<std::pair<std::int64_t, std::int64_t>> next;
    for (const auto& [canonical, flat] : all)
      for (std::int64_t i = 0; i < dim.size; ++i)
        next.emplace_back(canonical + i * dim.canonical, flat + i * dim.flat);
    all = std::move(next);
  }
  std::sort(all.begin(), all.end());
  std::vector<std::int64_t> flat;
  for (const auto& [canonical, place] : all) {
    CHECK_EQ(canonical, static_cast<std::int64_t>(flat.size()));
    flat.push_back(place);
  }
  return flat;
}

void check_segments(const std::vector<Segment>& segments,
                    const std::vector<model::Tensor>& tensors,
                    std::int64_t limit) {
  REQUIRE_EQ(segments.size(), tensors.size());
  std::set<std::int64_t> taken;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    CAPTURE(tensors[i].name);
    const auto flat = places(segments[i]);
    const std::int64_t n = tensors[i].elements();
    CHECK_EQ(flat.size(), static_cast<std::size_t>(n));
    CHECK_EQ(segments[i].offset % 16, 0);  // of a cache line
    const auto [least, most] = std::minmax_element(flat.begin(), flat.end());
    CHECK_EQ(*least, segments[i].offset);
    CHECK_EQ(*most, segments[i].offset + n - 1);
    CHECK_LT(*most, limit);
    for (const std::int64_t place : flat)
      if (!taken.insert(place).second) FAIL("taken twice: ", place);
  }
}

/// A tensor whose elements are its own places in PyTorch's order, written to
/// where the layout has it: what stands in the buffer tells which it is.
struct Numbered {
  Numbered(const model::Plan& plan_, const Network& net)
      : plan(plan_), buffer(static_cast<std::size_t>(net.layout.param_floats)) {
    const auto device = make_cpu_device(1);
    for (const Layer* layer : layers()) {
      for (const int tensor : {layer->weight, layer->bias}) {
        const auto i = static_cast<std::size_t>(tensor);
        std::vector<float> values(
            static_cast<std::size_t>(plan.params[i].elements()));
        std::iota(values.begin(), values.end(), 0.0f);
        train::write_segment(*device, net.layout.params[i], values,
                             buffer.data());
      }
    }
  }
  std::vector<const Layer*> layers() const {
    std::vector<const Layer*> all{&plan.mean_head, &plan.logvar_head,
                                  &plan.expand};
    for (const auto* side : {&plan.encoder, &plan.decoder})
      for (const Layer& layer : *side) all.push_back(&layer);
    return all;
  }

  /// Checks W[tap][in][out] of a layer: pytorch(tap, in, out) is its place.
  template <class Place>
  void check(const Network& net, const Layer& layer, const TiledLayer& tiled,
             Place pytorch) const {
    const Weight& weight =
        net.weights.at(static_cast<std::size_t>(tiled.weight));
    const std::string& name =
        plan.params[static_cast<std::size_t>(layer.weight)].name;
    CAPTURE(name);
    CHECK_EQ(weight.rows, tiled.in_block);
    CHECK_EQ(weight.columns, tiled.out_block);
    CHECK_EQ(weight.tiles, tiled.weight_tiles());
    CHECK_EQ(weight.offset,
             net.layout.params[static_cast<std::size_t>(layer.weight)].offset);
    std::int64_t wrong = 0;
    const std::int64_t ins = tiled.in_block * tiled.in_blocks,
                       outs = tiled.out_block * tiled.out_blocks;
    CHECK_EQ(tiled.geometry.taps * ins * outs,
             plan.params[static_cast<std::size_t>(layer.weight)].elements());
    for (std::int64_t tap = 0; tap < tiled.geometry.taps; ++tap)
      for (std::int64_t in = 0; in < ins; ++in)
        for (std::int64_t out = 0; out < outs; ++out) {
          const std::int64_t tile = tiled.weight_tile(tap, in / tiled.in_block,
                                                      out / tiled.out_block);
          const std::int64_t place =
              weight.offset + tile * weight.rows * weight.columns +
              in % tiled.in_block * weight.columns + out % tiled.out_block;
          const float got = buffer[static_cast<std::size_t>(place)];
          wrong += got != static_cast<float>(pytorch(tap, in, out));
        }
    CHECK_EQ(wrong, 0);
  }

  const model::Plan& plan;
  std::vector<float> buffer;
};

}  // namespace

TEST_CASE("every tensor has a range of its own, in cache lines of its own") {
  each_network([](const model::Plan& plan, const Network& net) {
    check_segments(net.layout.params, plan.params, net.layout.param_floats);
    check_segments(net.layout.running, plan.running, net.layout.running_floats);
  });
}

TEST_CASE("tensors round-trip, and padding stays zero") {
  each_network([](const model::Plan& plan, const Network& net) {
    const auto device = make_cpu_device(1);
    std::vector<float> buffer(
        static_cast<std::size_t>(net.layout.param_floats));
    std::int64_t elements = 0;
    const auto values_of = [&](std::size_t i) {
      std::vector<float> values(
          static_cast<std::size_t>(plan.params[i].elements()));
      std::iota(values.begin(), values.end(),
                1000.0f * static_cast<float>(i + 1));
      return values;
    };
    for (std::size_t i = 0; i < plan.params.size(); ++i) {
      train::write_segment(*device, net.layout.params[i], values_of(i),
                           buffer.data());
      elements += plan.params[i].elements();
    }
    CHECK_EQ(std::count_if(buffer.begin(), buffer.end(),
                           [](float value) { return value != 0; }),
             elements);
    for (std::size_t i = 0; i < plan.params.size(); ++i)
      CHECK(train::read_segment(*device, net.layout.params[i], buffer.data()) ==
            values_of(i));
  });
}

TEST_CASE("convolutions: W[tap][in][out] of PyTorch's [out][in][tap]") {
  each_network([](const model::Plan& plan, const Network& net) {
    const Numbered numbered(plan, net);
    REQUIRE_EQ(net.encoder.size(), plan.encoder.size());
    REQUIRE_EQ(net.decoder.size(), plan.decoder.size());
    for (std::size_t i = 1; i < plan.encoder.size(); ++i) {
      const Layer& l = plan.encoder[i];
      numbered.check(net, l, net.encoder[i], [&](auto tap, auto in, auto out) {
        return (out * l.in.c + in) * l.kernel * l.kernel + tap;
      });
    }
    for (std::size_t i = 0; i + 1 < plan.decoder.size(); ++i) {
      const Layer& l = plan.decoder[i];
      numbered.check(net, l, net.decoder[i], [&](auto tap, auto in, auto out) {
        return (in * l.out.c + out) * l.kernel * l.kernel + tap;
      });
    }
  });
}

TEST_CASE("both ends: patches of [tap][channel]") {
  each_network([](const model::Plan& plan, const Network& net) {
    const Numbered numbered(plan, net);
    const Layer &first = plan.encoder.front(), &last = plan.decoder.back();
    const std::int64_t c = plan.image.c, taps = first.kernel * first.kernel;
    numbered.check(net, first, net.encoder.front(),
                   [&](auto, auto in, auto out) {
                     return (out * c + in % c) * taps + in / c;
                   });
    numbered.check(net, last, net.decoder.back(), [&](auto, auto in, auto out) {
      return (in * c + out % c) * taps + out / c;
    });
    for (const TiledLayer* tiled :
         {&net.encoder.front(), &net.decoder.back()}) {
      CHECK_EQ(tiled->in_pixels, tiled->out_pixels);
      for (std::int64_t p = 0; p < tiled->in_pixels; ++p) {
        REQUIRE_EQ(tiled->geometry.by_out.of(p).size(), 1);
        CHECK_EQ(tiled->geometry.by_out.of(p)[0].in, p);
      }
    }
  });
}

TEST_CASE("heads and the expanded code: a tap for every pixel") {
  each_network([](const model::Plan& plan, const Network& net) {
    const Numbered numbered(plan, net);
    const auto& [c, h, w] = plan.features;
    const std::int64_t channels = c, pixels = h * w, latent = plan.latent;
    const auto head = [&](auto tap, auto in, auto out) {
      return (out * channels + in) * pixels + tap;
    };
    numbered.check(net, plan.mean_head, net.mean_head, head);
    numbered.check(net, plan.logvar_head, net.logvar_head, head);
    numbered.check(net, plan.expand, net.expand,
                   [&](auto tap, auto in, auto out) {
                     return (out * pixels + tap) * latent + in;
                   });
    const auto bias = static_cast<std::size_t>(plan.expand.bias);
    const std::int64_t offset = net.layout.params[bias].offset;
    for (std::int64_t p = 0; p < pixels; ++p) {
      for (std::int64_t k = 0; k < channels; ++k)
        CHECK_EQ(
            numbered
                .buffer[static_cast<std::size_t>(offset + p * channels + k)],
            static_cast<float>(k * pixels + p));
      CHECK_EQ(net.mean_head.geometry.by_in.of(p)[0].tap, p);
      CHECK_EQ(net.expand.geometry.by_out.of(p)[0].tap, p);
    }
    CHECK_EQ(net.mean_head.geometry.by_out.of(0).size(),
             static_cast<std::size_t>(pixels));
  });
}

TEST_CASE("only the first layer's weights are not needed backward") {
  each_network([](const model::Plan&, const Network& net) {
    for (std::size_t i = 0; i < net.weights.size(); ++i)
      CHECK_EQ(net.weights[i].backward,
               i != static_cast<std::size_t>(net.encoder.front().weight));
  });
}

TEST_CASE("taps of both ends name the image's pixels, and padding") {
  each_network([](const model::Plan& plan, const Network& net) {
    for (const Taps* taps : {&net.first, &net.last}) {
      const Layer& layer =
          taps == &net.first ? plan.encoder.front() : plan.decoder.back();
      const auto coarse = taps == &net.first ? layer.out : layer.in;
      const std::int64_t k = layer.kernel;
      REQUIRE_EQ(taps->pixels, coarse.h * coarse.w);
      REQUIRE_EQ(taps->taps, k * k);
      for (std::int64_t p = 0; p < taps->pixels; ++p)
        for (std::int64_t tap = 0; tap < k * k; ++tap) {
          const std::int64_t y = p / coarse.w * layer.stride + tap / k - 1;
          const std::int64_t x = p % coarse.w * layer.stride + tap % k - 1;
          const bool inside =
              y >= 0 && y < plan.image.h && x >= 0 && x < plan.image.w;
          CHECK_EQ(taps->at(p, tap), inside ? y * plan.image.w + x : -1);
        }
    }
  });
}

TEST_CASE("the reason why a plan is not supported") {
  const auto why = [](auto change) {
    Config config = small_tiles();
    change(config);
    return why_not(model::make_plan(config));
  };
  using testing::says;
  CHECK_EQ(why([](Config&) {}), "");
  CHECK_EQ(why([](Config& c) { c.channels = 4, c.latent = 64; }), "");
  says(why([](Config& c) {
         c.layers = {16, 40};
       }),
       "a multiple of 16 channels, and one has 40");
  says(why([](Config& c) { c.channels = 5; }),
       "at most 4 channels, and these have 5");
  says(why([](Config& c) { c.latent = 65; }),
       "at most 64 numbers, and these have 65");
  says(why([](Config& c) { c.net = Net::dense; }), "convolutional");
}

}  // namespace vae::engine::tile
