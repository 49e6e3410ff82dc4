// The tile engine's parts around the original network, put together as its
// engine does and within reach: one part can be timed alone, on the numbers
// that a training step leaves there. It trains nothing: the learning rate is 0.
#pragma once

#include "engine/cpu/commit.hpp"
#include "engine/tile/phases.hpp"
#include "micro.hpp"
#include "model/plan.hpp"
#include "train/memory.hpp"

namespace micro {

namespace tile = vae::engine::tile;

inline vae::Config original_config(std::int64_t batch, int threads) {
  vae::Config config;
  config.max_batch = static_cast<std::uint32_t>(batch);
  config.threads = static_cast<std::uint32_t>(threads);
  return config;
}

/// Members are made in this order, each from those above it.
template <class T>
struct TileRig {
  const vae::Config config;
  const vae::model::Plan plan = vae::model::make_plan(config);
  const tile::Network net =
      tile::make_network(plan, static_cast<int>(config.threads));
  const std::unique_ptr<vae::engine::Device> device =
      vae::engine::make_cpu_device(static_cast<int>(config.threads));
  tile::Team team{static_cast<int>(config.threads)};
  tile::PackedWeights<T> weights{*device, net.weights};
  tile::Workspace<T> work{
      plan, net, *device, {config.max_batch, true}, team.threads()};
  std::vector<double> partial;  // of the commit
  tile::Context<T> context{plan,    config, net, *device, team,
                           weights, work,   {},  {}};
  tile::Encoder<T> encoder{context};
  tile::Code<T> code{context};
  tile::Decoder<T> decoder{context};
  std::vector<float> images =
      numbers<float>(config.max_batch * plan.image.size());

  TileRig(std::int64_t batch, int threads)
      : config(original_config(batch, threads)) {
    for (float& pixel : images) pixel = pixel / 2 + 0.5f;
    context.state = initial_state();
    weights.attach(vae::engine::floats(context.state.param));
    context.batch = work.batch(batch);
    step([](const char*, auto phase) { phase(); });
  }

  /// One training step: each(name, phase) is to call every phase() in turn.
  template <class Each>
  void step(Each each) {
    using tile::Pass;
    each("weights", [&] { weights.refresh(team, true); });
    each("patches", [&] { encoder.im2col(images.data()); });
    each("encoder_forward", [&] { encoder.forward(Pass::training); });
    each("heads_forward", [&] { code.heads_forward(); });
    each("draw", [&] { code.draw(0); });
    each("expand_forward", [&] { code.expand(Pass::training); });
    each("decoder_forward", [&] { decoder.forward(Pass::training); });
    each("losses", [&] { losses(); });
    each("decoder_backward", [&] { decoder.backward(); });
    each("expand_backward", [&] { code.expand_backward(); });
    each("heads_backward", [&] { code.heads_backward(encoder); });
    each("encoder_backward", [&] { encoder.backward(); });
    each("adam", [&] { commit(); });
  }

  void losses() {
    decoder.losses(images.data());
    context.batch_sums(context.tail(), nullptr, false);
  }
  void commit() {
    const auto each = [this](std::int64_t count, auto body) {
      team.run(count, [&](std::int64_t i, int) { body(i); });
    };
    vae::engine::cpu::commit(context.state, net.layout, plan.latent, partial,
                             each);
    weights.invalidate();
  }
  void refresh_weights() {
    weights.invalidate();
    weights.refresh(team, true);
  }

  vae::engine::State initial_state() {
    using namespace vae::engine;
    State state = vae::train::allocate_state(*device, net.layout, plan.latent);
    for (std::size_t i = 0; i < plan.params.size(); ++i)
      vae::train::write_segment(
          *device, net.layout.params[i],
          vae::model::initial_param(plan, static_cast<int>(i), config.seed),
          floats(state.param));
    Settings& settings = *static_cast<Control*>(state.control.get());
    settings = {0.0, config.beta1, config.beta2, config.epsilon,
                0.0, 0.0,          1.0,          0};
    return state;
  }
};

}  // namespace micro
