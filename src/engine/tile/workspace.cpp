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
  std::int64_t rows, blocks;

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
Normed<T> make_normed(const Maker& make, const Chain& chain) {
  const std::int64_t pixels = chain.out_pixels, blocks = chain.out_blocks;
  const std::int64_t tile = make.rows * chain.out_block;
  Normed<T> layer{make.map<float>(pixels, blocks, tile),
                  make.map<T>(pixels, blocks, tile),
                  make.map<T>(pixels, blocks, tile),
                  make.map<float>(pixels, blocks, 2 * chain.out_block),
                  {},
                  {},
                  {},
                  {},
                  {},
                  {},
                  {}};
  for (auto* vector : {&layer.mean, &layer.invstd, &layer.scale, &layer.shift,
                       &layer.factor, &layer.mean_g, &layer.mean_gx})
    vector->resize(gsl::narrow<std::size_t>(blocks * chain.out_block));
  return layer;
}

}  // namespace

template <class T>
Workspace<T>::Workspace(const model::Plan& plan, const Network& net,
                        Device& device, std::int64_t max_batch, int threads)
    : rows(std::min(kMostRows, even(max_batch))) {
  const std::int64_t blocks = (max_batch + rows - 1) / rows;
  const Maker make{device, rows, blocks};
  const std::int64_t latent = plan.latent, deep = depth<T>(latent);

  const Chain& first = net.encoder.front();
  patches = make.map<T>(first.in_pixels, 1, rows * first.in_block);
  patches_transposed = make.map<T>(first.in_pixels, 1, rows * first.in_block);
  // The derivative's maps serve one layer after the other.
  std::int64_t widest = 0, most_parts = 0;
  const auto seen = [&](std::int64_t pixels, std::int64_t channels,
                        std::int64_t channel_blocks) {
    widest = std::max(widest, pixels * channels * channel_blocks);
    most_parts = std::max(most_parts, pixels * channels * channel_blocks);
  };
  for (const Chain& chain : net.encoder) {
    encoder.push_back(make_normed<T>(make, chain));
    seen(chain.out_pixels, chain.out_block, chain.out_blocks);
  }
  for (const Chain& chain : net.decoder) {
    const std::int64_t tile = rows * chain.in_block;
    decoder_in.push_back(make.map<T>(chain.in_pixels, chain.in_blocks, tile));
    decoder_in_transposed.push_back(
        make.map<T>(chain.in_pixels, chain.in_blocks, tile));
    seen(chain.in_pixels, chain.in_block, chain.in_blocks);
  }
  const Chain& last = net.decoder.back();
  columns = make.map<float>(last.out_pixels, 1, rows * last.out_block);
  dcolumns = make.slope<T>(last.out_pixels, 1, last.out_block);
  // One "pixel" of the widest layer: the pass lays tiles out in it by itself.
  g = make.map<float>(1, 1, widest * rows);
  for (Slope<T>& slope : dy) slope = make.slope<T>(1, 1, widest);
  bias_parts = make.map<float>(1, 1, most_parts);

  const auto matrix = [&](std::int64_t columns_) {
    return device.allocate(max_batch * columns_ * std::int64_t{sizeof(float)});
  };
  heads = matrix(2 * latent), dheads = matrix(2 * latent);
  noise = matrix(latent), z = matrix(latent);
  kl = matrix(1), recon = matrix(1), mse = matrix(1);
  image_bias = matrix(plan.image.c);
  code = make.map<T>(1, 1, rows * deep);
  code_transposed = make.map<T>(1, 1, rows * latent);
  dmean = make.slope<T>(1, 1, deep), dlogvar = make.slope<T>(1, 1, deep);
  const std::int64_t parts = Split::of(net.mean_head.in_pixels).parts;
  for (Map<float>* map : {&mean_parts, &logvar_parts, &dz_parts})
    *map = make.map<float>(parts, 1, rows * latent);
  const auto weight_parts = [&](const Chain& chain) {
    return Map<float>(device, 1, Split::of(chain.in_pixels).parts,
                      chain.in_blocks * chain.out_blocks,
                      chain.in_block * chain.out_block);
  };
  first_parts = weight_parts(first), last_parts = weight_parts(last);
  // A tile, a strip, or an image and its slope.
  std::int64_t room = std::max(rows * kMostColumns, 2 * plan.image.size());
  for (const auto* chains : {&net.encoder, &net.decoder})
    for (const Chain& chain : *chains)
      room = std::max(room, chain.strips.width() * chain.out_block);
  scratch.assign(gsl::narrow<std::size_t>(threads),
                 std::vector<float>(gsl::narrow<std::size_t>(room)));
}

template struct Workspace<float>;
template struct Workspace<Bf16>;

}  // namespace vae::engine::tile
