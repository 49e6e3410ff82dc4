// See workspace.hpp.
#include "engine/tile/workspace.hpp"

#include <gsl/gsl>

#include "engine/tile/operands.hpp"

namespace vae::engine::tile {
namespace {

template <class T>
constexpr bool kHasPairs = sizeof(T) != sizeof(float);

/// Makes maps of one device and one cutting of the batch.
struct Maker {
  Device& device;
  std::int64_t images, rows, blocks;

  Buffer matrix(std::int64_t columns) const {
    return device.allocate(images * columns * std::int64_t{sizeof(float)});
  }

  template <class T>
  Map<T> map(std::int64_t pixels, std::int64_t channel_blocks,
             std::int64_t tile) const {
    return Map<T>(device, blocks, pixels, channel_blocks, tile);
  }
  template <class T>
  Slope<T> slope(std::int64_t pixels, std::int64_t channel_blocks,
                 std::int64_t channels) const {
    const std::int64_t tile = rows * channels;
    Slope<T> made{map<T>(pixels, channel_blocks, tile), {}};
    if (kHasPairs<T>) made.pairs = map<T>(pixels, channel_blocks, tile);
    return made;
  }
};

template <class T>
Normed<T> make_normed(const Maker& make, const Chain& chain, bool training) {
  const std::int64_t pixels = chain.out_pixels, blocks = chain.out_blocks;
  const std::int64_t tile = make.rows * chain.out_block;
  Normed<T> layer;
  layer.x = make.map<T>(pixels, blocks, tile);
  if (training) {
    layer.y = make.map<float>(pixels, blocks, tile);
    layer.transposed = make.map<T>(pixels, blocks, tile);
    layer.part = make.map<float>(pixels, blocks, 2 * chain.out_block);
  }
  for (auto* vector : {&layer.mean, &layer.invstd, &layer.scale, &layer.shift,
                       &layer.factor, &layer.mean_g, &layer.mean_gx})
    vector->resize(gsl::narrow<std::size_t>(blocks * chain.out_block));
  return layer;
}

/// What the forward pass needs, in training and in inference.
template <class T>
void add_activations(Workspace<T>& work, const model::Plan& plan,
                     const Network& net, const Maker& make) {
  const std::int64_t rows = make.rows, latent = plan.latent;
  const Chain &first = net.encoder.front(), &last = net.decoder.back();
  work.patches = make.map<T>(first.in_pixels, 1, rows * first.in_block);
  for (const Chain& chain : net.encoder)
    work.encoder.push_back(make_normed<T>(make, chain, work.capacity.training));
  for (const Chain& chain : net.decoder)
    work.decoder_in.push_back(
        make.map<T>(chain.in_pixels, chain.in_blocks, rows * chain.in_block));
  work.columns = make.map<float>(last.out_pixels, 1, rows * last.out_block);
  work.code = make.map<T>(1, 1, rows * depth<T>(latent));
  const std::int64_t parts = Split::of(net.mean_head.in_pixels).parts;
  for (Map<float>* map : {&work.mean_parts, &work.logvar_parts})
    *map = make.map<float>(parts, 1, rows * latent);

  work.input = make.matrix(plan.image.size());
  work.output = make.matrix(plan.image.size());
  work.heads = make.matrix(2 * latent);
  work.noise = make.matrix(latent), work.z = make.matrix(latent);
  work.kl = make.matrix(1), work.recon = make.matrix(1),
  work.mse = make.matrix(1);
}

/// What the backward pass needs besides.
template <class T>
void add_derivatives(Workspace<T>& work, const model::Plan& plan,
                     const Network& net, const Maker& make) {
  const std::int64_t rows = make.rows, latent = plan.latent;
  const Chain &first = net.encoder.front(), &last = net.decoder.back();
  work.patches_transposed =
      make.map<T>(first.in_pixels, 1, rows * first.in_block);
  // The derivative's maps serve one layer after the other.
  std::int64_t widest = 0;
  for (const Chain& chain : net.encoder)
    widest =
        std::max(widest, chain.out_pixels * chain.out_block * chain.out_blocks);
  for (const Chain& chain : net.decoder) {
    work.decoder_in_transposed.push_back(
        make.map<T>(chain.in_pixels, chain.in_blocks, rows * chain.in_block));
    widest =
        std::max(widest, chain.in_pixels * chain.in_block * chain.in_blocks);
  }
  work.dcolumns = make.slope<T>(last.out_pixels, 1, last.out_block);
  // One "pixel" of the widest layer: the pass lays tiles out in it by itself.
  work.g = make.map<float>(1, 1, widest * rows);
  for (Slope<T>& slope : work.dy) slope = make.slope<T>(1, 1, widest);
  work.bias_parts = make.map<float>(1, 1, widest);
  work.code_transposed = make.map<T>(1, 1, rows * latent);
  for (Slope<T>* slope : {&work.dmean, &work.dlogvar})
    *slope = make.slope<T>(1, 1, depth<T>(latent));
  work.dz_parts =
      make.map<float>(Split::of(net.expand.out_pixels).parts, 1, rows * latent);
  const auto weight_parts = [&](const Chain& chain) {
    return Map<float>(make.device, 1, Split::of(chain.in_pixels).parts,
                      chain.in_blocks * chain.out_blocks,
                      chain.in_block * chain.out_block);
  };
  work.first_parts = weight_parts(first), work.last_parts = weight_parts(last);
  work.dheads = make.matrix(2 * latent);
  work.image_bias = make.matrix(plan.image.c);
}

/// Of each worker: a tile, a strip, or an image and its slope.
std::int64_t scratch_size(const model::Plan& plan, const Network& net,
                          std::int64_t rows, bool training) {
  std::int64_t size = rows * kMostColumns;
  if (training) size = std::max(size, 2 * plan.image.size());
  for (const auto* chains : {&net.encoder, &net.decoder})
    for (const Chain& chain : *chains)
      size = std::max(size, chain.strips.width() * chain.out_block);
  return size;
}

}  // namespace

template <class T>
Workspace<T>::Workspace(const model::Plan& plan, const Network& net,
                        Device& device, Capacity capacity_, int threads)
    : capacity(capacity_), rows(std::min(kMostRows, even(capacity.images))) {
  const Maker make{device, capacity.images, rows,
                   (capacity.images + rows - 1) / rows};
  add_activations(*this, plan, net, make);
  if (capacity.training) add_derivatives(*this, plan, net, make);
  scratch.assign(gsl::narrow<std::size_t>(threads),
                 std::vector<float>(gsl::narrow<std::size_t>(
                     scratch_size(plan, net, rows, capacity.training))));
}

template struct Workspace<float>;
template struct Workspace<Bf16>;

}  // namespace vae::engine::tile
