// See network.hpp.
#include "engine/tile/network.hpp"

#include <gsl/gsl>

#include "base/check.hpp"

namespace vae::engine::tile {
namespace {

using model::Extent;
using model::Layer;
using model::LayerKind;

/// Numbers of an im2col patch, [tap][channel].
std::int64_t patch_size(const Layer& layer, const Extent& image) {
  return layer.kernel * layer.kernel * image.c;
}

std::int64_t pixels(const Extent& extent) { return extent.h * extent.w; }

/// Makes the layers in the order of the data. Each takes the next part of the
/// flat buffer, so a pass reads its weights from the first to the last.
class Builder {
 public:
  Builder(const model::Plan& plan, int threads, Tables tables)
      : plan_(plan), threads_(threads), tables_(tables == Tables::made) {
    net_.layout.params.resize(plan.params.size());
  }

  Network build() {
    const std::size_t n = plan_.encoder.size(), m = plan_.decoder.size();
    for (std::size_t i = 0; i < n; ++i)
      net_.encoder.push_back(i == 0 ? patches_in(plan_.encoder[0])
                                    : convolution(plan_.encoder[i]));
    net_.mean_head = head(plan_.mean_head);
    net_.logvar_head = head(plan_.logvar_head);
    net_.expand = expand(plan_.expand);
    for (std::size_t i = 0; i < m; ++i)
      net_.decoder.push_back(i + 1 == m ? patches_out(plan_.decoder[i])
                                        : convolution(plan_.decoder[i]));
    net_.first = taps_of(plan_.encoder.front());
    net_.last = taps_of(plan_.decoder.back());
    place_vectors();
    place_running();
    return std::move(net_);
  }

 private:
  std::int64_t reserve(std::int64_t elements) {
    const std::int64_t offset = net_.layout.param_floats;
    net_.layout.param_floats = aligned_offset(offset + elements);
    return offset;
  }

  /// Pixels of a strip: as many rows of the output as leave a task for each
  /// thread. A thread then reads each weight from memory once, and for the
  /// other rows of its strip from its cache.
  std::int64_t strip(const Extent& out, std::int64_t blocks) const {
    std::int64_t rows = out.h;
    while (rows > 1 && (out.h % rows != 0 || out.h / rows * blocks < threads_))
      --rows;
    return rows * out.w;
  }

  /// Gives a layer its weight. `dims`: extent, PyTorch's stride, stride in the
  /// flat buffer, from the outermost to the innermost. `strip`: output pixels
  /// of a strip; 0: none.
  TiledLayer place(const Layer& layer, TiledLayer tiled, std::vector<Dim> dims,
                   bool backward, std::int64_t strip) {
    const std::int64_t size = tiled.in_block * tiled.out_block;
    const std::int64_t offset = reserve(tiled.weight_tiles() * size);
    net_.layout.params[gsl::narrow<std::size_t>(layer.weight)] = {
        offset, std::move(dims)};
    tiled.weight = gsl::narrow<int>(net_.weights.size());
    if (strip > 0)
      tiled.strips = tables_ ? Strips(tiled.geometry, tiled.out_pixels, strip)
                             : Strips(strip);
    net_.weights.push_back({offset, tiled.weight_tiles(), tiled.in_block,
                            tiled.out_block, backward});
    return tiled;
  }

  /// x [in pixels][in / a] tiles [rows, a] -> [out pixels][out / b] tiles
  /// [rows, b]; weight [k][k][in / a][out / b] tiles [a, b].
  TiledLayer convolution(const Layer& layer) {
    const std::int64_t in = layer.in.c, out = layer.out.c;
    const std::int64_t a = channel_block(in), b = channel_block(out);
    TiledLayer tiled{geometry(layer),
                     pixels(layer.in),
                     pixels(layer.out),
                     a,
                     in / a,
                     b,
                     out / b,
                     0};
    const std::int64_t k = layer.kernel, taps = k * k;
    // PyTorch has [out][in][k][k], and [in][out][k][k] if transposed.
    const bool transposed = layer.kind == LayerKind::conv_transposed;
    const std::int64_t in_step = transposed ? out * taps : taps;
    const std::int64_t out_step = transposed ? taps : in * taps;
    return place(layer, std::move(tiled),
                 {{k, k, k * in * out},
                  {k, 1, in * out},
                  {in / a, a * in_step, a * out},
                  {out / b, b * out_step, a * b},
                  {a, in_step, b},
                  {b, out_step, 1}},
                 true, strip(layer.out, out / b));
  }

  Geometry geometry(const Layer& layer) const {
    if (tables_) return make_geometry(layer);
    return {layer.kernel * layer.kernel, {}, {}, {}};
  }

  /// One link per pixel, from the pixel to itself: im2col has gathered the
  /// taps.
  Geometry by_pixel(std::int64_t count) const {
    if (!tables_) return {1, {}, {}, {}};
    std::vector<Link> links;
    for (std::int32_t i = 0; i < count; ++i) links.push_back({i, i, 0});
    return {1, Links(links, &Link::out, count), Links(links, &Link::in, count),
            Links(links, &Link::tap, 1)};
  }

  /// patches [pixels] tiles [rows, taps * c] -> [pixels][out / b] tiles [rows,
  /// b]; weight [out / b] tiles [taps * c, b]. Its input needs no gradient.
  TiledLayer patches_in(const Layer& layer) {
    const std::int64_t k = layer.kernel, c = layer.in.c, out = layer.out.c;
    const std::int64_t size = patch_size(layer, layer.in);
    const std::int64_t b = channel_block(out), all = pixels(layer.out);
    return place(layer, {by_pixel(all), all, all, size, 1, b, out / b, 0},
                 {{out / b, b * size, size * b},
                  {b, size, 1},
                  {c, k * k, b},
                  {k, k, k * c * b},
                  {k, 1, c * b}},
                 false, strip(layer.out, out / b));
  }

  /// x [pixels][in / a] tiles [rows, a] -> columns [pixels] tiles [rows, taps *
  /// c]; weight [in / a] tiles [a, taps * c].
  TiledLayer patches_out(const Layer& layer) {
    const std::int64_t k = layer.kernel, c = layer.out.c, in = layer.in.c;
    const std::int64_t size = patch_size(layer, layer.out);
    const std::int64_t a = channel_block(in), all = pixels(layer.in);
    return place(layer, {by_pixel(all), all, all, a, in / a, size, 1, 0},
                 {{in, size, size}, {c, k * k, 1}, {k, k, k * c}, {k, 1, c}},
                 true, strip(layer.in, 1));
  }

  /// Each pixel of the features has a tap of its own: a linear layer.
  Geometry all_pixels(bool to_one) const {
    const std::int64_t count = pixels(plan_.features);
    if (!tables_) return {count, {}, {}, {}};
    std::vector<Link> links;
    for (std::int32_t i = 0; i < count; ++i)
      links.push_back(to_one ? Link{i, 0, i} : Link{0, i, i});
    return {count, Links(links, &Link::out, to_one ? 1 : count),
            Links(links, &Link::in, to_one ? count : 1),
            Links(links, &Link::tap, count)};
  }

  /// features [h * w][c / a] tiles [rows, a] -> [rows, latent];
  /// weight [h * w][c / a] tiles [a, latent]. No
  /// strips: Code::heads_forward() splits the sum instead.
  TiledLayer head(const Layer& layer) {
    const auto& [c, h, w] = plan_.features;
    const std::int64_t latent = plan_.latent, a = channel_block(c);
    return place(layer, {all_pixels(true), h * w, 1, a, c / a, latent, 1, 0},
                 {{h, w, w * c * latent},
                  {w, 1, c * latent},
                  {c / a, a * h * w, a * latent},
                  {a, h * w, latent},
                  {latent, c * h * w, 1}},
                 true, 0);
  }

  /// code [rows, latent] -> [h * w][c / b] tiles [rows, b];
  /// weight [h * w][c / b] tiles [latent, b].
  TiledLayer expand(const Layer& layer) {
    const auto& [c, h, w] = plan_.features;
    const std::int64_t latent = plan_.latent, b = channel_block(c);
    // Each pixel has its own biases, so a strip is one pixel.
    return place(layer, {all_pixels(false), 1, h * w, latent, 1, b, c / b, 0},
                 {{h, w * latent, w * c * latent},
                  {w, latent, c * latent},
                  {c / b, b * h * w * latent, b * latent},
                  {latent, 1, b},
                  {b, h * w * latent, 1}},
                 true, 1);
  }

  /// The im2col table: which pixel of the image each tap of a patch reads, or
  /// for the last layer writes.
  Taps taps_of(const Layer& layer) const {
    // The image is the larger side: the input of the first layer, the output of
    // the last, transposed one.
    const bool last = layer.kind == LayerKind::conv_transposed;
    const std::int64_t count = pixels(last ? layer.in : layer.out);
    Taps taps{count, layer.kernel * layer.kernel, {}};
    if (!tables_) return taps;
    taps.image_pixel.assign(gsl::narrow<std::size_t>(count * taps.taps), -1);
    for (const Link& link : links_of(layer)) {
      const std::int64_t pixel = last ? link.in : link.out;
      taps.image_pixel[gsl::narrow<std::size_t>(pixel * taps.taps + link.tap)] =
          last ? link.out : link.in;
    }
    return taps;
  }

  /// Biases and the norms' parameters, in order; that of the expanding layer by
  /// pixel and channel.
  void place_vectors() {
    for (std::size_t i = 0; i < plan_.params.size(); ++i) {
      Segment& segment = net_.layout.params[i];
      if (!segment.dims.empty()) continue;
      const model::Tensor& tensor = plan_.params[i];
      const std::int64_t n = tensor.elements();
      segment.offset = reserve(n);
      segment.dims = {{n, 1, 1}};
      if (gsl::narrow<int>(i) != plan_.expand.bias) continue;
      const auto& [c, h, w] = plan_.features;
      segment.dims = {{h * w, 1, c}, {c, h * w, 1}};
    }
  }

  void place_running() {
    std::int64_t& offset = net_.layout.running_floats;
    for (const model::Tensor& tensor : plan_.running) {
      const std::int64_t n = tensor.elements();
      net_.layout.running.push_back({offset, {{n, 1, 1}}});
      offset = aligned_offset(offset + n);
    }
  }

  const model::Plan& plan_;
  const int threads_;
  const bool tables_;
  Network net_;
};

}  // namespace

std::string why_not(const model::Plan& plan) {
  if (plan.encoder.empty() || plan.encoder.front().kind != LayerKind::conv)
    return "it takes convolutional networks only";
  for (const Layer& layer : plan.encoder)
    if (channel_block(layer.out.c) == 0)
      return join("its layers have a multiple of 16 channels, and one has ",
                  layer.out.c);
  // The kernel is 4 x 4, so a patch is even, as bfloat16's pairs need.
  const std::int64_t size = patch_size(plan.encoder.front(), plan.image);
  expect(size % 2 == 0);
  if (size > kMostRows)
    return join("its images have at most ", kMostRows * plan.image.c / size,
                " channels, and these have ", plan.image.c);
  if (plan.latent > kMostRows)
    return join("its codes have at most ", kMostRows,
                " numbers, and these have ", plan.latent);
  return {};
}

Network make_network(const model::Plan& plan, int threads, Tables tables) {
  expect(why_not(plan).empty());
  return Builder(plan, threads, tables).build();
}

std::int64_t table_bytes(const model::Plan& plan) {
  // Three groupings of a layer's links, each with where its groups begin.
  const auto geometry = [](std::int64_t links, std::int64_t groups) {
    return 3 * links * std::int64_t{sizeof(Link)} +
           groups * std::int64_t{sizeof(std::size_t)};
  };
  const auto convolution = [&](const Layer& layer) {
    return geometry(link_count(layer), pixels(layer.in) + pixels(layer.out));
  };
  // The im2col tables at both ends, and the links between equal pixels.
  const auto end = [&](std::int64_t count, std::int64_t taps) {
    return geometry(count, 2 * count) +
           count * taps * std::int64_t{sizeof(std::int32_t)};
  };
  const Layer &first = plan.encoder.front(), &last = plan.decoder.back();
  std::int64_t bytes = end(pixels(first.out), first.kernel * first.kernel) +
                       end(pixels(last.in), last.kernel * last.kernel);
  for (std::size_t i = 1; i < plan.encoder.size(); ++i)
    bytes += convolution(plan.encoder[i]);
  for (std::size_t i = 0; i + 1 < plan.decoder.size(); ++i)
    bytes += convolution(plan.decoder[i]);
  const std::int64_t features = pixels(plan.features);
  return bytes + 3 * geometry(features, 2 * features);  // heads and expand
}

}  // namespace vae::engine::tile
