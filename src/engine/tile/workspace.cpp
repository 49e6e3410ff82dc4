// See workspace.hpp.
#include "engine/tile/workspace.hpp"

#include <gsl/gsl>

#include "base/host_memory.hpp"
#include "engine/sizing_device.hpp"
#include "engine/tile/tiled_layer.hpp"

namespace vae::engine::tile {
namespace {

template <class T>
constexpr bool kHasPairs = sizeof(T) != sizeof(float);

/// Allocates maps for one device and one number of images.
struct Maker {
  Device& device;
  std::int64_t images, rows, blocks;

  /// [images, columns], float32.
  Buffer matrix(std::int64_t columns) const {
    return device.allocate(images * columns * std::int64_t{sizeof(float)});
  }

  template <class T>
  Map<T> map(std::int64_t pixels, std::int64_t channel_blocks,
             std::int64_t tile) const {
    return Map<T>(device, blocks, pixels, channel_blocks, tile);
  }
  template <class T>
  Gradient<T> gradient(std::int64_t pixels, std::int64_t channel_blocks,
                       std::int64_t channels) const {
    const std::int64_t tile = rows * channels;
    Gradient<T> made{map<T>(pixels, channel_blocks, tile), {}};
    if (kHasPairs<T>) made.pairs = map<T>(pixels, channel_blocks, tile);
    return made;
  }
};

// y, x, transposed [out_pixels][out_blocks] tiles [rows, out_block];
// part [out_pixels][out_blocks] vectors [2, out_block]
template <class T>
NormLayer<T> make_norm_layer(const Maker& make, const TiledLayer& layer,
                             bool training) {
  const std::int64_t pixels = layer.out_pixels, blocks = layer.out_blocks;
  const std::int64_t tile = make.rows * layer.out_block;
  NormLayer<T> norm;
  norm.x = make.map<T>(pixels, blocks, tile);
  if (training) {
    norm.y = make.map<float>(pixels, blocks, tile);
    norm.transposed = make.map<T>(pixels, blocks, tile);
    norm.part = make.map<float>(pixels, blocks, 2 * layer.out_block);
  }
  for (auto* vector : {&norm.mean, &norm.invstd, &norm.scale, &norm.shift,
                       &norm.factor, &norm.mean_g, &norm.mean_gx})
    vector->resize(gsl::narrow<std::size_t>(blocks * layer.out_block));
  return norm;
}

// What the forward pass needs, in training and in inference. Tiles have `rows`
// images whatever the batch, so that a smaller batch needs no other memory.
template <class T>
void add_activations(Workspace<T>& work, const model::Plan& plan,
                     const Network& net, const Maker& make) {
  const std::int64_t rows = make.rows, latent = plan.latent;
  const TiledLayer &first = net.encoder.front(), &last = net.decoder.back();
  work.patches = make.map<T>(first.in_pixels, 1, rows * first.in_block);
  for (const TiledLayer& layer : net.encoder)
    work.encoder.push_back(
        make_norm_layer<T>(make, layer, work.capacity.training));
  for (const TiledLayer& layer : net.decoder)
    work.decoder_in.push_back(
        make.map<T>(layer.in_pixels, layer.in_blocks, rows * layer.in_block));
  work.columns = make.map<float>(last.out_pixels, 1, rows * last.out_block);
  work.code = make.map<T>(1, 1, rows * depth<T>(latent));
  const std::int64_t parts = SplitK::of(net.mean_head.in_pixels).parts;
  for (Map<float>* map : {&work.mean_parts, &work.logvar_parts})
    *map = make.map<float>(parts, 1, rows * latent);

  work.input = make.matrix(plan.image.size());
  work.output = make.matrix(plan.image.size());
  work.heads = make.matrix(2 * latent);
  work.noise = make.matrix(latent), work.z = make.matrix(latent);
  work.kl = make.matrix(1), work.recon = make.matrix(1),
  work.mse = make.matrix(1);
}

// What the backward pass needs in addition.
template <class T>
void add_derivatives(Workspace<T>& work, const model::Plan& plan,
                     const Network& net, const Maker& make) {
  const std::int64_t rows = make.rows, latent = plan.latent;
  const TiledLayer &first = net.encoder.front(), &last = net.decoder.back();
  work.patches_transposed =
      make.map<T>(first.in_pixels, 1, rows * first.in_block);
  // One gradient serves all layers in turn, so it has the size of the widest.
  std::int64_t widest = 0;
  for (const TiledLayer& layer : net.encoder)
    widest =
        std::max(widest, layer.out_pixels * layer.out_block * layer.out_blocks);
  for (const TiledLayer& layer : net.decoder) {
    work.decoder_in_transposed.push_back(
        make.map<T>(layer.in_pixels, layer.in_blocks, rows * layer.in_block));
    widest =
        std::max(widest, layer.in_pixels * layer.in_block * layer.in_blocks);
  }
  work.dcolumns = make.gradient<T>(last.out_pixels, 1, last.out_block);
  // Allocated as one pixel; Context::g_of() and dy_of() view it as a layer.
  work.g = make.map<float>(1, 1, widest * rows);
  for (Gradient<T>& grad : work.dy) grad = make.gradient<T>(1, 1, widest);
  work.bias_parts = make.map<float>(1, 1, widest);
  work.code_transposed = make.map<T>(1, 1, rows * latent);
  for (Gradient<T>* grad : {&work.dmean, &work.dlogvar})
    *grad = make.gradient<T>(1, 1, depth<T>(latent));
  work.dz_parts = make.map<float>(SplitK::of(net.expand.out_pixels).parts, 1,
                                  rows * latent);
  // [parts] tiles [in_block, out_block]; whole images, not blocks of them.
  const auto weight_parts = [&](const TiledLayer& layer) {
    return Map<float>(make.device, 1, SplitK::of(layer.in_pixels).parts,
                      layer.in_blocks * layer.out_blocks,
                      layer.in_block * layer.out_block);
  };
  work.first_parts = weight_parts(first), work.last_parts = weight_parts(last);
  work.dheads = make.matrix(2 * latent);
  work.image_bias = make.matrix(plan.image.c);
}

// Floats of a worker: a tile, a strip, or an image [H, W, C] and its gradient.
std::int64_t scratch_size(const model::Plan& plan, const Network& net,
                          std::int64_t rows, bool training) {
  std::int64_t size = rows * kMostColumns;
  if (training) size = std::max(size, 2 * plan.image.size());
  for (const auto* layers : {&net.encoder, &net.decoder})
    for (const TiledLayer& layer : *layers)
      size = std::max(size, layer.strips.width() * layer.out_block);
  return size;
}

}  // namespace

template <class T>
Workspace<T>::Workspace(const model::Plan& plan, const Network& net,
                        Device& device, Capacity capacity_, int threads)
    : capacity(capacity_), rows(std::min(kMostRows, even(capacity.images))) {
  // `rows` is even, since bfloat16 multiplies pairs of images.
  const Maker make{device, capacity.images, rows,
                   (capacity.images + rows - 1) / rows};
  add_activations(*this, plan, net, make);
  if (capacity.training) add_derivatives(*this, plan, net, make);
  const std::int64_t size = scratch_size(plan, net, rows, capacity.training);
  for (int i = 0; i < threads; ++i)
    scratch.push_back(device.allocate(size * std::int64_t{sizeof(float)}));
}

template <class T>
std::int64_t Workspace<T>::bytes(const model::Plan& plan, const Network& net,
                                 Capacity capacity, int threads) {
  SizingDevice device(DeviceKind::cpu);
  const Workspace sized(plan, net, device, capacity, threads);
  return device.bytes();
}

// New memory for `wanted`. What is in the old is not needed: a pass begins with
// its input.
template <class T>
void Workspace<T>::grow(const model::Plan& plan, const Network& net,
                        Device& device, const Capacity& wanted, int threads) {
  *this = {};  // first, since old and new together may be too much
  require_host_memory(bytes(plan, net, wanted, threads), "this batch");
  *this = {plan, net, device, wanted, threads};
}

template struct Workspace<float>;
template struct Workspace<Bf16>;

}  // namespace vae::engine::tile
