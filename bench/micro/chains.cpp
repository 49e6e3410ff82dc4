// The GEMMs of each layer of the original network, as the tile engine forms
// them from tiles, on one thread and without epilogues: forward, the gradient
// of the input (dx) and of the weight (dw). The cases are named chain/...
#include <functional>

#include "tile_rig.hpp"

namespace micro {
namespace {

using tile::Gradient;
using tile::Map;
using tile::TiledLayer;
using tile::TileIndex;

/// A layer with the operands of its GEMMs.
template <class T>
struct Sides {
  const TiledLayer& tiled;
  const Map<T>&x, &transposed_x;
  Gradient<T> dy;
};

/// A layer by its number from the images to the images.
template <class T>
Sides<T> sides_of(const TileRig<T>& rig, std::size_t layer) {
  const tile::Network& net = rig.net;
  const tile::Workspace<T>& work = rig.work;
  const std::size_t encoders = net.encoder.size();
  const auto gradient = [&](const TiledLayer& tiled) {
    return rig.context.dy_of(0, tiled.out_pixels, tiled.out_blocks,
                             tiled.out_block);
  };
  if (layer == 0)
    return {net.encoder[0], work.patches, work.patches_transposed,
            gradient(net.encoder[0])};
  if (layer < encoders) {
    const auto& before = work.encoder[layer - 1];
    return {net.encoder[layer], before.x, before.transposed,
            gradient(net.encoder[layer])};
  }
  const auto& features = work.encoder.back();
  if (layer == encoders)
    return {net.mean_head, features.x, features.transposed, work.dmean};
  if (layer == encoders + 1)
    return {net.logvar_head, features.x, features.transposed, work.dlogvar};
  if (layer == encoders + 2)
    return {net.expand, work.code, work.code_transposed, gradient(net.expand)};
  const std::size_t i = layer - encoders - 3;
  const TiledLayer& tiled = net.decoder[i];
  return {tiled, work.decoder_in[i], work.decoder_in_transposed[i],
          i + 1 == net.decoder.size() ? work.dcolumns : gradient(tiled)};
}

std::vector<std::string> layer_names(const tile::Network& net) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < net.encoder.size(); ++i)
    names.push_back("encoder" + std::to_string(i));
  names.insert(names.end(), {"mean_head", "logvar_head", "expand"});
  for (std::size_t i = 0; i < net.decoder.size(); ++i)
    names.push_back("decoder" + std::to_string(i));
  return names;
}

template <class T>
void forward(const TileRig<T>& rig, const Sides<T>& sides, float* out) {
  const TiledLayer& tiled = sides.tiled;
  rig.context.each_tile(tiled.out_pixels, tiled.out_blocks,
                        [&](const TileIndex& at, int) {
                          forward_tile(tiled, rig.weights, sides.x,
                                       tiled.geometry.by_out.of(at.pixel),
                                       rig.context.rows_of(at), at, out);
                        });
}

template <class T>
void dx(const TileRig<T>& rig, const Sides<T>& sides, float* out) {
  const TiledLayer& tiled = sides.tiled;
  rig.context.each_tile(
      tiled.in_pixels, tiled.in_blocks, [&](const TileIndex& at, int) {
        input_gradient_tile(tiled, rig.weights, sides.dy.left,
                            tiled.geometry.by_in.of(at.pixel),
                            rig.context.rows_of(at), at, false, out);
      });
}

template <class T>
void dw(const TileRig<T>& rig, const Sides<T>& sides, float* out) {
  const TiledLayer& tiled = sides.tiled;
  const tile::Context<T>& context = rig.context;
  context.team.run(tiled.weight_tiles(), [&](std::int64_t task, int) {
    const tile::WeightIndex at = tiled.weight_index(task);
    weight_gradient_tile(tiled, context.batch, sides.transposed_x,
                         sides.dy.right(), tiled.geometry.by_tap.of(at.tap),
                         at.in, at.out, false, out);
  });
}

/// Multiplications and additions of any of the three: their links are the same.
double flop_of(const TiledLayer& tiled, std::int64_t batch) {
  std::size_t links = 0;
  for (std::int64_t pixel = 0; pixel < tiled.out_pixels; ++pixel)
    links += tiled.geometry.by_out.of(pixel).size();
  return 2.0 * static_cast<double>(links) *
         static_cast<double>(batch * tiled.in_blocks * tiled.in_block *
                             tiled.out_blocks * tiled.out_block);
}

template <class T>
using Products = void (*)(const TileRig<T>&, const Sides<T>&, float*);

template <class T>
void run(benchmark::State& state, std::size_t layer, std::int64_t batch,
         Products<T> products) {
  if (!can_multiply<T>(state)) return;
  const TileRig<T> rig(batch, 1);
  const Sides<T> sides = sides_of(rig, layer);
  std::vector<float> out(tile::kMostRows * tile::kMostRows);
  for (auto _ : state) {
    products(rig, sides, out.data());
    benchmark::ClobberMemory();
  }
  set_flop(state, flop_of(sides.tiled, batch));
}

template <class T>
void add_type() {
  const auto plan = vae::model::make_plan(original_config(1, 1));
  const auto names = layer_names(tile::make_network(plan, 1));
  for (const std::int64_t batch : {1, 64})
    for (std::size_t i = 0; i < names.size(); ++i)
      for (const auto& [what, products] :
           {std::pair<const char*, Products<T>>{"forward", forward<T>},
            std::pair<const char*, Products<T>>{"dx", dx<T>},
            std::pair<const char*, Products<T>>{"dw", dw<T>}}) {
        // Nobody wants the derivative by the images.
        if (i == 0 && products == Products<T>{dx<T>}) continue;
        add(std::string("chain/") + kPrecision<T> +
                "/batch:" + std::to_string(batch) + "/" + names[i] + "/" + what,
            [=, call = products](benchmark::State& state) {
              run<T>(state, i, batch, call);
            });
      }
}

}  // namespace

void add_chains() {
  add_type<float>();
  add_type<tile::Bf16>();
}

}  // namespace micro
