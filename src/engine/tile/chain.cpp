// See chain.hpp.
#include "engine/tile/chain.hpp"

#include <algorithm>

namespace vae::engine::tile {

template <class T>
void forward_tile(const Chain& chain, const Operands<T>& operands,
                  const Map<T>& x, std::span<const Link> links,
                  std::int64_t rows, const Spot& at, float* c) {
  const std::int64_t k = depth<T>(chain.in_block), n = chain.out_block;
  const Product product{rows, n, k, k, n, n};
  bool add = false;
  for (const Link& link : links)
    for (std::int64_t in = 0; in < chain.in_blocks; ++in) {
      multiply(product, x.tile(at.images, link.in, in),
               operands.forward(chain.weight,
                                chain.weight_tile(link.tap, in, at.block)),
               c, add);
      add = true;
    }
}

template <class T>
void forward_strip(const Chain& chain, const Operands<T>& operands,
                   const Map<T>& x, const Spot& at, float* c) {
  const std::int64_t k = depth<T>(chain.in_block), n = chain.out_block;
  const std::int64_t width = chain.strips.width(), step = x.pixel_step();
  std::fill_n(c, width * n, 0.0f);
  for (const Run& run : chain.strips.of(at.pixel / width)) {
    const Product product{run.count,          n, k,
                          run.in_step * step, n, run.out_step * n};
    for (std::int64_t in = 0; in < chain.in_blocks; ++in)
      multiply(product, x.tile(0, run.in, in),
               operands.forward(chain.weight,
                                chain.weight_tile(run.tap, in, at.block)),
               c + (run.out - at.pixel) * n, true);
  }
}

template <class T>
void input_tile(const Chain& chain, const Operands<T>& operands,
                const Map<T>& dy, std::span<const Link> links,
                std::int64_t rows, const Spot& at, bool add, float* c) {
  const std::int64_t k = depth<T>(chain.out_block), n = chain.in_block;
  const Product product{rows, n, k, k, n, n};
  for (const Link& link : links)
    for (std::int64_t out = 0; out < chain.out_blocks; ++out) {
      multiply(product, dy.tile(at.images, link.out, out),
               operands.backward(chain.weight,
                                 chain.weight_tile(link.tap, at.block, out)),
               c, add);
      add = true;
    }
}

template <class T>
void weight_gradient_tile(const Chain& chain, const Batch& batch,
                          const Map<T>& transposed_x, const Map<T>& dy,
                          std::span<const Link> links, std::int64_t in,
                          std::int64_t out, bool add, float* c) {
  const std::int64_t m = chain.in_block, n = chain.out_block;
  for (std::int64_t images = 0; images < batch.blocks(); ++images) {
    const std::int64_t k = depth<T>(batch.rows_of(images));
    const Product product{m, n, k, batch.rows, n, n};
    for (const Link& link : links) {
      multiply(product, transposed_x.tile(images, link.in, in),
               dy.tile(images, link.out, out), c, add);
      add = true;
    }
  }
}

#define INSTANTIATE(T)                                                         \
  template void forward_strip(const Chain&, const Operands<T>&, const Map<T>&, \
                              const Spot&, float*);                            \
  template void forward_tile(const Chain&, const Operands<T>&, const Map<T>&,  \
                             std::span<const Link>, std::int64_t, const Spot&, \
                             float*);                                          \
  template void input_tile(const Chain&, const Operands<T>&, const Map<T>&,    \
                           std::span<const Link>, std::int64_t, const Spot&,   \
                           bool, float*);                                      \
  template void weight_gradient_tile(                                          \
      const Chain&, const Batch&, const Map<T>&, const Map<T>&,                \
      std::span<const Link>, std::int64_t, std::int64_t, bool, float*);
INSTANTIATE(float)
INSTANTIATE(Bf16)

}  // namespace vae::engine::tile
