// A chain: a layer as products of tiles. Every output tile is the sum, over the
// links of a geometry, of an input tile times a weight tile; the derivatives by
// input and weight are sums over the same links. Convolutions of either kind,
// linear layers on images, and both ends of the network are chains.
#pragma once

#include <cstdint>
#include <span>

#include "engine/tile/geometry.hpp"
#include "engine/tile/maps.hpp"
#include "engine/tile/operands.hpp"
#include "engine/tile/products.hpp"
#include "engine/tile/strips.hpp"

namespace vae::engine::tile {

struct Chain {
  Geometry geometry;
  std::int64_t in_pixels, out_pixels;
  std::int64_t in_block, in_blocks;  // channels of a tile, tiles of a pixel
  std::int64_t out_block, out_blocks;
  int weight;       // of Operands; tiles [tap][in block][out block]
  Strips strips{};  // of layers that one image alone can take otherwise

  std::int64_t weight_tile(std::int64_t tap, std::int64_t in,
                           std::int64_t out) const {
    return (tap * in_blocks + in) * out_blocks + out;
  }
  std::int64_t weight_tiles() const {
    return geometry.taps * in_blocks * out_blocks;
  }
};

/// Where a tile is: block of images, pixel, block of channels.
struct Spot {
  std::int64_t images, pixel, block;
};

/// c [rows][out_block] = sum over `links` of x times weight. `links` are those
/// of an output pixel, or some of them.
template <class T>
void forward_tile(const Chain& chain, const Operands<T>& operands,
                  const Map<T>& x, std::span<const Link> links,
                  std::int64_t rows, const Spot& at, float* c);
/// The same for one image alone, and a strip of output pixels which begins at
/// `at.pixel`: c [width][out_block]. x lies in planes. The same bits as
/// forward_tile() gives each of the pixels.
template <class T>
void forward_strip(const Chain& chain, const Operands<T>& operands,
                   const Map<T>& x, const Spot& at, float* c);
/// c [rows][in_block] = sum over `links`, of an input pixel, of dy times the
/// transposed weight; added to c if `add`.
template <class T>
void input_tile(const Chain& chain, const Operands<T>& operands,
                const Map<T>& dy, std::span<const Link> links,
                std::int64_t rows, const Spot& at, bool add, float* c);
/// c [in_block][out_block] = sum over images and `links`, of a tap, of the
/// transposed x times dy (in pairs for bfloat16).
template <class T>
void weight_gradient_tile(const Chain& chain, const Batch& batch,
                          const Map<T>& transposed_x, const Map<T>& dy,
                          std::span<const Link> links, std::int64_t in,
                          std::int64_t out, bool add, float* c);

}  // namespace vae::engine::tile
