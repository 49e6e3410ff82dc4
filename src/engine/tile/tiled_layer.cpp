// See tiled_layer.hpp.
#include "engine/tile/tiled_layer.hpp"

#include <algorithm>

namespace vae::engine::tile {

// x [links][in_blocks] tiles [rows, in_block] -> c [rows, out_block]
template <class T>
void forward_tile(const TiledLayer& layer, const PackedWeights<T>& weights,
                  const Map<T>& x, std::span<const Link> links,
                  std::int64_t rows, const TileIndex& at, float* c) {
  const std::int64_t k = depth<T>(layer.in_block), n = layer.out_block;
  const Product product{rows, n, k, k, n, n};
  bool add = false;  // the first product overwrites c, so nothing is cleared
  for (const Link& link : links)
    for (std::int64_t in = 0; in < layer.in_blocks; ++in) {
      multiply(product, x.tile(at.image_block, link.in, in),
               weights.forward(layer.weight,
                               layer.weight_tile(link.tap, in, at.block)),
               c, add);
      add = true;
    }
}

// x [in_blocks] planes [in_pixels, in_block] -> c [width, out_block]
template <class T>
void forward_strip(const TiledLayer& layer, const PackedWeights<T>& weights,
                   const Map<T>& x, const TileIndex& at, float* c) {
  const std::int64_t k = depth<T>(layer.in_block), n = layer.out_block;
  const std::int64_t width = layer.strips.width(), step = x.pixel_step();
  // At the border a tap reaches some pixels of a strip and not others, so no
  // run covers all of c and each of them adds.
  std::fill_n(c, width * n, 0.0f);
  for (const Run& run : layer.strips.of(at.pixel / width)) {
    // A stride between pixels is a leading dimension, on either side.
    const Product product{run.count,          n, k,
                          run.in_step * step, n, run.out_step * n};
    for (std::int64_t in = 0; in < layer.in_blocks; ++in)
      multiply(product, x.tile(0, run.in, in),
               weights.forward(layer.weight,
                               layer.weight_tile(run.tap, in, at.block)),
               c + (run.out - at.pixel) * n, true);
  }
}

// dy [links][out_blocks] tiles [rows, out_block] -> c [rows, in_block]
template <class T>
void input_gradient_tile(const TiledLayer& layer,
                         const PackedWeights<T>& weights, const Map<T>& dy,
                         std::span<const Link> links, std::int64_t rows,
                         const TileIndex& at, bool add, float* c) {
  const std::int64_t k = depth<T>(layer.out_block), n = layer.in_block;
  const Product product{rows, n, k, k, n, n};
  for (const Link& link : links)
    for (std::int64_t out = 0; out < layer.out_blocks; ++out) {
      multiply(product, dy.tile(at.image_block, link.out, out),
               weights.backward(layer.weight,
                                layer.weight_tile(link.tap, at.block, out)),
               c, add);
      add = true;
    }
}

// x^T [image blocks][links] tiles [in_block, rows],
// dy [image blocks][links] tiles [rows, out_block] -> c [in_block, out_block]
template <class T>
void weight_gradient_tile(const TiledLayer& layer, const Batch& batch,
                          const Map<T>& transposed_x, const Map<T>& dy,
                          std::span<const Link> links, std::int64_t in,
                          std::int64_t out, bool add, float* c) {
  const std::int64_t m = layer.in_block, n = layer.out_block;
  for (std::int64_t block = 0; block < batch.blocks(); ++block) {
    // The last block has fewer images; its rows are still batch.rows apart.
    const std::int64_t k = depth<T>(batch.rows_of(block));
    const Product product{m, n, k, batch.rows, n, n};
    for (const Link& link : links) {
      multiply(product, transposed_x.tile(block, link.in, in),
               dy.tile(block, link.out, out), c, add);
      add = true;
    }
  }
}

#define INSTANTIATE(T)                                                      \
  template void forward_strip(const TiledLayer&, const PackedWeights<T>&,   \
                              const Map<T>&, const TileIndex&, float*);     \
  template void forward_tile(const TiledLayer&, const PackedWeights<T>&,    \
                             const Map<T>&, std::span<const Link>,          \
                             std::int64_t, const TileIndex&, float*);       \
  template void input_gradient_tile(                                        \
      const TiledLayer&, const PackedWeights<T>&, const Map<T>&,            \
      std::span<const Link>, std::int64_t, const TileIndex&, bool, float*); \
  template void weight_gradient_tile(                                       \
      const TiledLayer&, const Batch&, const Map<T>&, const Map<T>&,        \
      std::span<const Link>, std::int64_t, std::int64_t, bool, float*);
INSTANTIATE(float)
INSTANTIATE(Bf16)

}  // namespace vae::engine::tile
