// A plan as tiled layers, and the order of the flat buffers that goes with
// them: each weight lies in the tiles that its GEMMs read. Says which plans the
// engine takes; holds no memory and computes nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/state.hpp"
#include "engine/tile/tiled_layer.hpp"
#include "model/plan.hpp"

namespace vae::engine::tile {

/// Empty if the tile engine takes this plan; else why not, as a sentence.
std::string why_not(const model::Plan& plan);

struct Network {
  Layout layout;
  std::vector<Weight> weights;
  /// encoder[0] reads im2col patches [tap][channel], one for each pixel of its
  /// output; the last of `decoder` writes such patches, the input of col2im.
  std::vector<TiledLayer> encoder, decoder;
  TiledLayer mean_head, logvar_head;  // all of the features to one pixel
  TiledLayer expand;                  // and back
  Taps first, last;
};

/// Whether a network has its tables of links, runs and taps. Without them it
/// computes nothing, but has its layout and all sizes, at once for any image.
enum class Tables { made, left_out };

/// Of a plan that the tile engine takes. `threads` share the work of one image.
Network make_network(const model::Plan& plan, int threads,
                     Tables tables = Tables::made);
/// What the tables take, in bytes.
std::int64_t table_bytes(const model::Plan& plan);

}  // namespace vae::engine::tile
