// Tiled layers against convolutions and linear layers by their definition, in
// double and on whole numbers, so that both must be equal; ragged batches and
// odd codes among them.
#include "engine/tile/tiled_layer.hpp"

#include <doctest/doctest.h>

#include "tile/parts.hpp"

namespace vae::engine::tile {
namespace {

using model::Extent;
using model::Layer;
using model::LayerKind;

constexpr Batch kBatch{7, 4};  // blocks of 4 and 3 images

/// A tiled layer, and whether a tap connects a pair of pixels, by the
/// definition and not by the layer's links.
struct Case {
  const char* name;
  TiledLayer tiled;
  Layer layer;

  bool along(std::int64_t in, std::int64_t out, std::int64_t tap) const {
    return layer.kind == LayerKind::conv_transposed
               ? out == in * layer.stride + tap - 1
               : in == out * layer.stride + tap - 1;
  }
  bool linked(std::int64_t in, std::int64_t out, std::int64_t tap) const {
    if (layer.kind == LayerKind::linear)
      return tap == (tiled.out_pixels == 1 ? in : out);
    const std::int64_t k = layer.kernel;
    return along(in / layer.in.w, out / layer.out.w, tap / k) &&
           along(in % layer.in.w, out % layer.out.w, tap % k);
  }
};

Case convolution(const char* name, LayerKind kind, const Extent& in,
                 const Extent& out, std::int64_t kernel, std::int64_t stride) {
  const Layer layer{kind, in, out, kernel, stride};
  const std::int64_t a = channel_block(in.c), b = channel_block(out.c);
  return {name,
          {make_geometry(layer), in.h * in.w, out.h * out.w, a, in.c / a, b,
           out.c / b, 1, Strips(make_geometry(layer), out.h * out.w, out.w)},
          layer};
}

/// All of six pixels to a code, or back.
Case linear(const char* name, std::int64_t in, std::int64_t out, bool to_one) {
  std::vector<Link> links;
  for (std::int32_t i = 0; i < 6; ++i)
    links.push_back(to_one ? Link{i, 0, i} : Link{0, i, i});
  const std::int64_t ins = to_one ? 6 : 1, outs = to_one ? 1 : 6;
  return {name,
          {{6, Links(links, &Link::out, outs), Links(links, &Link::in, ins),
            Links(links, &Link::tap, 6)},
           ins,
           outs,
           in,
           1,
           out,
           1,
           1},
          {}};
}

std::vector<Case> cases() {
  const auto conv = LayerKind::conv, back = LayerKind::conv_transposed;
  return {convolution("halving", conv, {32, 7, 5}, {48, 3, 2}, 4, 2),
          convolution("last", conv, {64, 3, 4}, {128, 3, 4}, 3, 1),
          convolution("doubling", back, {128, 3, 2}, {32, 7, 5}, 4, 2),
          convolution("exactly", back, {16, 2, 3}, {16, 4, 6}, 4, 2),
          linear("head", 32, 5, true),
          linear("expand", 5, 64, false)};
}

/// Numbers of a side, [image][pixel][channel], as tiles of every kind.
template <class T>
struct Side {
  Side(Device& device, std::int64_t pixels_, std::int64_t block_,
       std::int64_t blocks_, std::uint32_t seed)
      : pixels(pixels_),
        block(block_),
        blocks(blocks_),
        values(whole_numbers(kBatch.count * pixels * block * blocks, seed)),
        left(device, kBatch.blocks(), pixels, blocks,
             kBatch.rows * depth<T>(block)),
        across(device, kBatch.blocks(), pixels, blocks, kBatch.rows * block),
        right(device, kBatch.blocks(), pixels, blocks, kBatch.rows * block) {
    for (std::int64_t i = 0; i < kBatch.count; ++i)
      for (std::int64_t p = 0; p < pixels; ++p)
        for (std::int64_t c = 0; c < block * blocks; ++c) {
          const T value = number<T>(static_cast<float>(at(i, p, c)));
          const std::int64_t b = i / kBatch.rows, r = i % kBatch.rows;
          const std::int64_t cb = c / block, k = c % block;
          left.tile(b, p, cb)[r * depth<T>(block) + k] = value;
          across.tile(b, p, cb)[k * kBatch.rows + r] = value;
          right.tile(b, p, cb)[right_place<T>(r, k, block)] = value;
        }
  }
  double at(std::int64_t i, std::int64_t p, std::int64_t c) const {
    return values[index((i * pixels + p) * block * blocks + c)];
  }
  std::int64_t pixels, block, blocks;
  std::vector<float> values;
  Map<T> left, across, right;
};

template <class T>
struct Fixture {
  explicit Fixture(const TiledLayer& chain_)
      : tiled(chain_),
        device(make_cpu_device(1)),
        size(tiled.in_block * tiled.out_block),
        params(whole_numbers(64 + tiled.weight_tiles() * size, 3)),
        x(*device, tiled.in_pixels, tiled.in_block, tiled.in_blocks, 1),
        dy(*device, tiled.out_pixels, tiled.out_block, tiled.out_blocks, 2),
        // Number 1 of two, to see that the layer's own is taken.
        weights(*device, {{0, 1, 8, 8, true},
                          {64, tiled.weight_tiles(), tiled.in_block,
                           tiled.out_block, true}}) {
    weights.attach(params.data());
    Team team(1);
    weights.refresh(team, true);
  }
  double weight(std::int64_t tap, std::int64_t in, std::int64_t out) const {
    const std::int64_t tile =
        tiled.weight_tile(tap, in / tiled.in_block, out / tiled.out_block);
    return params[index(64 + tile * size +
                        in % tiled.in_block * tiled.out_block +
                        out % tiled.out_block)];
  }
  const TiledLayer& tiled;
  const std::unique_ptr<Device> device;
  const std::int64_t size;
  const std::vector<float> params;
  const Side<T> x, dy;
  PackedWeights<T> weights;
};

/// body(case, fixture) of each, where there are products of T.
template <class T, class Body>
void each_case(Body body) {
  if (!multiplies_here<T>()) return;
  for (const Case& one : cases()) {
    CAPTURE(one.name);
    Fixture<T> fixture(one.tiled);
    body(one, one.tiled, fixture);
  }
  finish_products();
}

/// body(in pixel, tap) or body(out pixel, tap) of the linked ones.
template <class Body>
void each_link(const Case& one, Body body) {
  for (std::int64_t i = 0; i < one.tiled.in_pixels; ++i)
    for (std::int64_t o = 0; o < one.tiled.out_pixels; ++o)
      for (std::int64_t tap = 0; tap < one.tiled.geometry.taps; ++tap)
        if (one.linked(i, o, tap)) body(i, o, tap);
}

/// [image][pixel][channel] by the definition.
template <class T>
std::vector<double> outputs(const Case& one, const Fixture<T>& f) {
  const std::int64_t ins = f.x.block * f.x.blocks,
                     outs = f.dy.block * f.dy.blocks;
  std::vector<double> y(f.dy.values.size());
  each_link(one, [&](auto i, auto o, auto tap) {
    for (std::int64_t n = 0; n < kBatch.count; ++n)
      for (std::int64_t in = 0; in < ins; ++in)
        for (std::int64_t out = 0; out < outs; ++out)
          y[index((n * f.dy.pixels + o) * outs + out)] +=
              f.x.at(n, i, in) * f.weight(tap, in, out);
  });
  return y;
}
template <class T>
std::vector<double> input_slopes(const Case& one, const Fixture<T>& f) {
  const std::int64_t ins = f.x.block * f.x.blocks,
                     outs = f.dy.block * f.dy.blocks;
  std::vector<double> dx(f.x.values.size());
  each_link(one, [&](auto i, auto o, auto tap) {
    for (std::int64_t n = 0; n < kBatch.count; ++n)
      for (std::int64_t in = 0; in < ins; ++in)
        for (std::int64_t out = 0; out < outs; ++out)
          dx[index((n * f.x.pixels + i) * ins + in)] +=
              f.dy.at(n, o, out) * f.weight(tap, in, out);
  });
  return dx;
}

/// A tile [rows][block] of such numbers, with `more` added.
std::vector<float> tile_of(const std::vector<double>& all, const TileIndex& at,
                           std::int64_t pixels, std::int64_t block,
                           std::int64_t blocks, float more) {
  std::vector<float> tile;
  for (std::int64_t r = 0; r < kBatch.rows_of(at.image_block); ++r)
    for (std::int64_t c = 0; c < block; ++c) {
      const std::int64_t pixel =
          (kBatch.first(at.image_block) + r) * pixels + at.pixel;
      tile.push_back(more +
                     static_cast<float>(
                         all[index((pixel * blocks + at.block) * block + c)]));
    }
  return tile;
}

/// body(TileIndex) of every tile of a side.
template <class Body>
void each_tile(std::int64_t pixels, std::int64_t blocks, Body body) {
  for (std::int64_t b = 0; b < kBatch.blocks(); ++b)
    for (std::int64_t p = 0; p < pixels; ++p)
      for (std::int64_t k = 0; k < blocks; ++k) body(TileIndex{b, p, k});
}

}  // namespace

TEST_CASE_TEMPLATE("forward is the layer's product", T, float, Bf16) {
  each_case<T>([](const Case& one, const TiledLayer& tiled,
                  const Fixture<T>& f) {
    const auto y = outputs(one, f);
    each_tile(tiled.out_pixels, tiled.out_blocks, [&](const TileIndex& at) {
      const auto links = tiled.geometry.by_out.of(at.pixel);
      const std::int64_t rows = kBatch.rows_of(at.image_block);
      const auto expected = tile_of(y, at, tiled.out_pixels, tiled.out_block,
                                    tiled.out_blocks, 0);
      Guarded<float> c(rows * tiled.out_block), part(rows * tiled.out_block);
      forward_tile(tiled, f.weights, f.x.left, links, rows, at, c.data());
      CHECK_EQ(c.differs(expected), "");
      if (links.size() < 2) return;
      // Some of the links give some of the sum.
      forward_tile(tiled, f.weights, f.x.left, links.first(1), rows, at,
                   c.data());
      forward_tile(tiled, f.weights, f.x.left, links.subspan(1), rows, at,
                   part.data());
      for (std::int64_t i = 0; i < rows * tiled.out_block; ++i) c[i] += part[i];
      CHECK_EQ(c.differs(expected), "");
    });
  });
}

TEST_CASE_TEMPLATE("a strip of one image alone", T, float, Bf16) {
  constexpr std::int64_t kImage = 5;
  each_case<T>([](const Case& one, const TiledLayer& tiled,
                  const Fixture<T>& f) {
    if (tiled.strips.count() == 0) return;
    const auto y = outputs(one, f);
    const Map<T> x =
        Map<T>(*f.device, 1, tiled.in_pixels, tiled.in_blocks, tiled.in_block)
            .planes(tiled.in_pixels, tiled.in_block);
    for (std::int64_t p = 0; p < tiled.in_pixels; ++p)
      for (std::int64_t c = 0; c < tiled.in_block * tiled.in_blocks; ++c)
        x.tile(0, p, c / tiled.in_block)[c % tiled.in_block] =
            number<T>(static_cast<float>(f.x.at(kImage, p, c)));
    const std::int64_t width = tiled.strips.width(), n = tiled.out_block;
    for (std::int64_t first = 0; first < tiled.out_pixels; first += width)
      for (std::int64_t block = 0; block < tiled.out_blocks; ++block) {
        std::vector<float> expected;
        for (std::int64_t p = first; p < first + width; ++p)
          for (std::int64_t c = 0; c < n; ++c)
            expected.push_back(static_cast<float>(y[index(
                ((kImage * tiled.out_pixels + p) * tiled.out_blocks + block) *
                    n +
                c)]));
        Guarded<float> out(width * n);
        forward_strip(tiled, f.weights, x, {0, first, block}, out.data());
        CHECK_EQ(out.differs(expected), "");
      }
  });
}

TEST_CASE_TEMPLATE("the derivative by the input", T, float, Bf16) {
  each_case<T>(
      [](const Case& one, const TiledLayer& tiled, const Fixture<T>& f) {
        const auto dx = input_slopes(one, f);
        each_tile(tiled.in_pixels, tiled.in_blocks, [&](const TileIndex& at) {
          const auto links = tiled.geometry.by_in.of(at.pixel);
          const std::int64_t rows = kBatch.rows_of(at.image_block);
          for (const bool add : {false, true}) {
            Guarded<float> c(rows * tiled.in_block);
            for (std::int64_t i = 0; i < rows * tiled.in_block && add; ++i)
              c[i] = 2;
            input_gradient_tile(tiled, f.weights, f.dy.left, links, rows, at,
                                add, c.data());
            CHECK_EQ(c.differs(tile_of(dx, at, tiled.in_pixels, tiled.in_block,
                                       tiled.in_blocks, add ? 2 : 0)),
                     "");
          }
        });
      });
}

TEST_CASE_TEMPLATE("the derivative by the weight", T, float, Bf16) {
  each_case<T>([](const Case& one, const TiledLayer& tiled,
                  const Fixture<T>& f) {
    std::vector<double> dw(index(tiled.weight_tiles() * f.size));
    each_link(one, [&](auto i, auto o, auto tap) {
      for (std::int64_t n = 0; n < kBatch.count; ++n)
        for (std::int64_t in = 0; in < f.x.block * f.x.blocks; ++in)
          for (std::int64_t out = 0; out < f.dy.block * f.dy.blocks; ++out)
            dw[index(tiled.weight_tile(tap, in / tiled.in_block,
                                       out / tiled.out_block) *
                         f.size +
                     in % tiled.in_block * tiled.out_block +
                     out % tiled.out_block)] +=
                f.x.at(n, i, in) * f.dy.at(n, o, out);
    });
    for (std::int64_t tile = 0; tile < tiled.weight_tiles(); ++tile)
      for (const bool add : {false, true}) {
        const std::int64_t tap = tile / (tiled.in_blocks * tiled.out_blocks);
        std::vector<float> expected;
        Guarded<float> c(f.size);
        for (std::int64_t i = 0; i < f.size; ++i) {
          expected.push_back((add ? 2.0f : 0.0f) +
                             static_cast<float>(dw[index(tile * f.size + i)]));
          if (add) c[i] = 2;
        }
        weight_gradient_tile(tiled, kBatch, f.x.across, f.dy.right,
                             tiled.geometry.by_tap.of(tap),
                             tile / tiled.out_blocks % tiled.in_blocks,
                             tile % tiled.out_blocks, add, c.data());
        CHECK_EQ(c.differs(expected), "");
      }
  });
}

}  // namespace vae::engine::tile
