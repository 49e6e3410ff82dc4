// The weights of both ends of the network: one or two tiles each, whose
// gradients are sums over all pixels. These are cut into parts, so that more
// than one worker has something to do.
#pragma once

#include "engine/tile/context.hpp"

namespace vae::engine::tile {

template <class T>
void end_weight_gradient(const Context<T>& c, const Chain& chain,
                         const Map<T>& transposed_x, const Map<T>& dy,
                         const Map<float>& parts) {
  const std::span<const Link> links = chain.geometry.by_tap.of(0);
  const Split split = Split::of(chain.in_pixels);
  const std::int64_t tiles = chain.weight_tiles();
  c.team.run(split.parts * tiles, [&](std::int64_t task, int) {
    const Spot at =
        Context<T>::place_of(task, chain.in_blocks, chain.out_blocks);
    weight_gradient_tile(chain, c.batch, transposed_x, dy,
                         split.part(links, at.images), at.pixel, at.block,
                         false, parts.tile(0, at.images, task % tiles));
  });
  const std::int64_t size = chain.in_block * chain.out_block;
  for (std::int64_t tile = 0; tile < tiles; ++tile)
    for (std::int64_t part = 0; part < split.parts; ++part) {
      const float* from = parts.tile(0, part, tile);
      float* to = c.weight_gradient(chain, tile);
      const bool add = part > 0 || c.accumulate;
      for (std::int64_t i = 0; i < size; ++i) put(to + i, from[i], add);
    }
}

}  // namespace vae::engine::tile
