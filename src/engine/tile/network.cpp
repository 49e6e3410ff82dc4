// See network.hpp.
#include "engine/tile/network.hpp"

#include <gsl/gsl>

#include "base/check.hpp"

namespace vae::engine::tile {
namespace {

using model::Extent;
using model::Layer;
using model::LayerKind;

constexpr std::int64_t kAlign =
    64;  // floats: no two tensors share a cache line

/// Of patches, [tap][channel].
std::int64_t patch_size(const Layer& layer, const Extent& image) {
  return layer.kernel * layer.kernel * image.c;
}

std::int64_t pixels(const Extent& extent) { return extent.h * extent.w; }

class Builder {
 public:
  Builder(const model::Plan& plan, int threads)
      : plan_(plan), threads_(threads) {
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
    net_.layout.param_floats =
        (offset + elements + kAlign - 1) / kAlign * kAlign;
    return offset;
  }

  /// Pixels of a strip: as many rows of the output as leave a task for each
  /// thread. A weight is then read from far away once by each of them, and for
  /// the other rows from a near cache.
  std::int64_t strip(const Extent& out, std::int64_t blocks) const {
    std::int64_t rows = out.h;
    while (rows > 1 && (out.h % rows != 0 || out.h / rows * blocks < threads_))
      --rows;
    return rows * out.w;
  }

  /// Places a weight whose dims are given by extent, PyTorch's stride, stride
  /// inside the tensor; fills in the rest of the chain. `strip`: output pixels
  /// of a strip; 0: none.
  Chain place(const Layer& layer, Chain chain, std::vector<Dim> dims,
              bool backward, std::int64_t strip) {
    const std::int64_t size = chain.in_block * chain.out_block;
    const std::int64_t offset = reserve(chain.weight_tiles() * size);
    net_.layout.params[gsl::narrow<std::size_t>(layer.weight)] = {
        offset, std::move(dims)};
    chain.weight = gsl::narrow<int>(net_.weights.size());
    if (strip > 0)
      chain.strips = Strips(chain.geometry, chain.out_pixels, strip);
    net_.weights.push_back({offset, chain.weight_tiles(), chain.in_block,
                            chain.out_block, backward});
    return chain;
  }

  Chain convolution(const Layer& layer) {
    const std::int64_t in = layer.in.c, out = layer.out.c;
    const std::int64_t a = channel_block(in), b = channel_block(out);
    Chain chain{make_geometry(layer),
                pixels(layer.in),
                pixels(layer.out),
                a,
                in / a,
                b,
                out / b,
                0};
    const std::int64_t k = layer.kernel, taps = k * k;
    const bool transposed = layer.kind == LayerKind::conv_transposed;
    const std::int64_t in_step = transposed ? out * taps : taps;
    const std::int64_t out_step = transposed ? taps : in * taps;
    return place(layer, std::move(chain),
                 {{k, k, k * in * out},
                  {k, 1, in * out},
                  {in / a, a * in_step, a * out},
                  {out / b, b * out_step, a * b},
                  {a, in_step, b},
                  {b, out_step, 1}},
                 true, strip(layer.out, out / b));
  }

  /// One link for every pixel: a product by itself.
  static Geometry by_pixel(std::int64_t count) {
    std::vector<Link> links;
    for (std::int32_t i = 0; i < count; ++i) links.push_back({i, i, 0});
    return {1, Links(links, &Link::out, count), Links(links, &Link::in, count),
            Links(links, &Link::tap, 1)};
  }

  Chain patches_in(const Layer& layer) {
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

  Chain patches_out(const Layer& layer) {
    const std::int64_t k = layer.kernel, c = layer.out.c, in = layer.in.c;
    const std::int64_t size = patch_size(layer, layer.out);
    const std::int64_t a = channel_block(in), all = pixels(layer.in);
    return place(layer, {by_pixel(all), all, all, a, in / a, size, 1, 0},
                 {{in, size, size}, {c, k * k, 1}, {k, k, k * c}, {k, 1, c}},
                 true, strip(layer.in, 1));
  }

  /// Every pixel of the features has a tap of its own.
  Geometry all_pixels(bool to_one) const {
    const std::int64_t count = pixels(plan_.features);
    std::vector<Link> links;
    for (std::int32_t i = 0; i < count; ++i)
      links.push_back(to_one ? Link{i, 0, i} : Link{0, i, i});
    return {count, Links(links, &Link::out, to_one ? 1 : count),
            Links(links, &Link::in, to_one ? count : 1),
            Links(links, &Link::tap, count)};
  }

  Chain head(const Layer& layer) {
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

  Chain expand(const Layer& layer) {
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

  Taps taps_of(const Layer& layer) const {
    // Both ends link a smaller side's pixels with the image's.
    const bool last = layer.kind == LayerKind::conv_transposed;
    const std::int64_t count = pixels(last ? layer.in : layer.out);
    Taps taps{count, layer.kernel * layer.kernel, {}};
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
      offset = (offset + n + kAlign - 1) / kAlign * kAlign;
    }
  }

  const model::Plan& plan_;
  const int threads_;
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
  // Four taps each way: an even number, which bfloat16's pairs need.
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

Network make_network(const model::Plan& plan, int threads) {
  expect(why_not(plan).empty());
  return Builder(plan, threads).build();
}

}  // namespace vae::engine::tile
