// A layer as GEMMs of tiles. Each output tile is a sum over the links of a
// geometry: input tile times weight tile. Both gradients are sums over the same
// links. Convolutions, transposed convolutions, the linear layers around the
// latent code, and the first and last layer after im2col are all of this form.
// The weights are packed as GEMMs read them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/tile/geometry.hpp"
#include "engine/tile/products.hpp"
#include "engine/tile/team.hpp"

namespace vae::engine::tile {

/// One weight in the flat buffer: tiles [rows][columns], one after the other.
struct Weight {
  std::int64_t offset, tiles, rows, columns;
  bool backward;  // whether the gradient of the layer's input is ever needed
};

/// Rows of a right matrix, the k of a GEMM: even for bfloat16, which
/// multiplies pairs.
template <class T>
constexpr std::int64_t depth(std::int64_t rows) {
  return sizeof(T) == sizeof(float) ? rows : even(rows);
}

/// Weights as right-hand matrices of GEMMs: packed copies of the trained
/// parameters, packed again after those have changed. Never saved, never
/// trained.
template <class T>
class PackedWeights {
 public:
  PackedWeights(Device& device, std::vector<Weight> weights);

  void attach(const float* params);
  /// The parameters have changed.
  void invalidate() { forward_stale_ = backward_stale_ = true; }
  /// Packs what is stale, before GEMMs of the forward pass or of both. One
  /// phase of the team.
  void refresh(Team& team, bool backward);

  /// Right matrix of the forward GEMM with a tile [rows, columns], and of the
  /// GEMM with its transpose [columns, rows].
  const T* forward(int weight, std::int64_t tile) const;
  const T* backward(int weight, std::int64_t tile) const;
  const Weight& weight(int index) const {
    return weights_[static_cast<std::size_t>(index)];
  }

 private:
  static constexpr bool kForwardIsParam = sizeof(T) == sizeof(float);
  struct Copy {
    std::int64_t first_forward, first_backward;  // in their memory
    std::int64_t forward_size, backward_size;    // of a tile
  };
  void refresh_tile(std::int64_t task, bool forward, bool backward);

  std::vector<Weight> weights_;
  std::vector<Copy> copies_;
  std::vector<std::int64_t> first_task_;
  Buffer forward_, backward_;
  const float* params_ = nullptr;
  bool forward_stale_ = true, backward_stale_ = true;
};

/// Which tile of a weight.
struct WeightIndex {
  std::int64_t tap, in, out;  // in, out: blocks of channels
};

struct TiledLayer {
  Geometry geometry;
  std::int64_t in_pixels, out_pixels;
  std::int64_t in_block, in_blocks;  // channels of a tile, tiles of a pixel
  std::int64_t out_block, out_blocks;
  int weight;       // of PackedWeights; tiles [tap][in block][out block]
  Strips strips{};  // for a single image; empty: none

  std::int64_t weight_tile(std::int64_t tap, std::int64_t in,
                           std::int64_t out) const {
    return (tap * in_blocks + in) * out_blocks + out;
  }
  /// The inverse of weight_tile().
  WeightIndex weight_index(std::int64_t tile) const {
    return {tile / (in_blocks * out_blocks), tile / out_blocks % in_blocks,
            tile % out_blocks};
  }
  std::int64_t weight_tiles() const {
    return geometry.taps * in_blocks * out_blocks;
  }
};

/// c [rows, out_block] = sum over `links` of x [rows, in_block] times weight
/// [in_block, out_block]. `links` are those of an output pixel, or some of
/// them.
template <class T>
void forward_tile(const TiledLayer& layer, const PackedWeights<T>& weights,
                  const Map<T>& x, std::span<const Link> links,
                  std::int64_t rows, const TileIndex& at, float* c);
/// The same for a single image and the strip of output pixels that begins at
/// `at.pixel`: c [width, out_block]. x lies in planes. The same bits as
/// forward_tile() gives each of the pixels.
template <class T>
void forward_strip(const TiledLayer& layer, const PackedWeights<T>& weights,
                   const Map<T>& x, const TileIndex& at, float* c);
/// c [rows, in_block] = sum over `links`, of an input pixel, of dy
/// [rows, out_block] times the transposed weight [out_block, in_block]; added
/// to c if `add`.
template <class T>
void input_gradient_tile(const TiledLayer& layer,
                         const PackedWeights<T>& weights, const Map<T>& dy,
                         std::span<const Link> links, std::int64_t rows,
                         const TileIndex& at, bool add, float* c);
/// c [in_block, out_block] = sum over blocks of images and `links`, of a tap,
/// of transposed x [in_block, rows] times dy [rows, out_block] (in pairs for
/// bfloat16).
template <class T>
void weight_gradient_tile(const TiledLayer& layer, const Batch& batch,
                          const Map<T>& transposed_x, const Map<T>& dy,
                          std::span<const Link> links, std::int64_t in,
                          std::int64_t out, bool add, float* c);

}  // namespace vae::engine::tile
