// The products of each layer of the original network, as the tile engine forms
// them from tiles, on one thread and with nothing between them: forward, the
// derivative by the input (dx) and by the weight (dw).
#include <functional>

#include "tile_rig.hpp"

namespace micro {
namespace {

using tile::Chain;
using tile::Map;
using tile::Slope;
using tile::Spot;

/// A chain with the sides of its products.
template <class T>
struct Sides {
  const Chain& chain;
  const Map<T>&x, &transposed_x;
  Slope<T> dy;
};

/// A layer by its number from the images to the images.
template <class T>
Sides<T> sides_of(const TileRig<T>& rig, std::size_t layer) {
  const tile::Network& net = rig.net;
  const tile::Workspace<T>& work = rig.work;
  const std::size_t encoders = net.encoder.size();
  const auto slope = [&](const Chain& chain) {
    return rig.context.dy_of(0, chain.out_pixels, chain.out_blocks,
                             chain.out_block);
  };
  if (layer == 0)
    return {net.encoder[0], work.patches, work.patches_transposed,
            slope(net.encoder[0])};
  if (layer < encoders) {
    const auto& before = work.encoder[layer - 1];
    return {net.encoder[layer], before.x, before.transposed,
            slope(net.encoder[layer])};
  }
  const auto& features = work.encoder.back();
  if (layer == encoders)
    return {net.mean_head, features.x, features.transposed, work.dmean};
  if (layer == encoders + 1)
    return {net.logvar_head, features.x, features.transposed, work.dlogvar};
  if (layer == encoders + 2)
    return {net.expand, work.code, work.code_transposed, slope(net.expand)};
  const std::size_t i = layer - encoders - 3;
  const Chain& chain = net.decoder[i];
  return {chain, work.decoder_in[i], work.decoder_in_transposed[i],
          i + 1 == net.decoder.size() ? work.dcolumns : slope(chain)};
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
  const Chain& chain = sides.chain;
  rig.context.each_tile(chain.out_pixels, chain.out_blocks,
                        [&](const Spot& at, int) {
                          forward_tile(chain, rig.operands, sides.x,
                                       chain.geometry.by_out.of(at.pixel),
                                       rig.context.rows_of(at), at, out);
                        });
}

template <class T>
void dx(const TileRig<T>& rig, const Sides<T>& sides, float* out) {
  const Chain& chain = sides.chain;
  rig.context.each_tile(chain.in_pixels, chain.in_blocks,
                        [&](const Spot& at, int) {
                          input_tile(chain, rig.operands, sides.dy.left,
                                     chain.geometry.by_in.of(at.pixel),
                                     rig.context.rows_of(at), at, false, out);
                        });
}

template <class T>
void dw(const TileRig<T>& rig, const Sides<T>& sides, float* out) {
  const Chain& chain = sides.chain;
  const tile::Context<T>& context = rig.context;
  context.team.run(chain.weight_tiles(), [&](std::int64_t task, int) {
    const Spot at = context.place_of(task, chain.in_blocks, chain.out_blocks);
    weight_gradient_tile(chain, context.batch, sides.transposed_x,
                         sides.dy.right(), chain.geometry.by_tap.of(at.images),
                         at.pixel, at.block, false, out);
  });
}

/// Multiplications and additions of any of the three: their links are the same.
double flop_of(const Chain& chain, std::int64_t batch) {
  std::size_t links = 0;
  for (std::int64_t pixel = 0; pixel < chain.out_pixels; ++pixel)
    links += chain.geometry.by_out.of(pixel).size();
  return 2.0 * static_cast<double>(links) *
         static_cast<double>(batch * chain.in_blocks * chain.in_block *
                             chain.out_blocks * chain.out_block);
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
  set_flop(state, flop_of(sides.chain, batch));
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
