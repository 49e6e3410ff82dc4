// The tile engine's parts around the original network, put together as its
// engine does and within reach: one part can be timed alone, on the numbers
// that a training step leaves there. It trains nothing: the learning rate is 0.
#pragma once

#include "engine/cpu/commit.hpp"
#include "engine/tile/code.hpp"
#include "engine/tile/decoder.hpp"
#include "engine/tile/encoder.hpp"
#include "micro.hpp"
#include "model/init.hpp"
#include "train/memory.hpp"

namespace micro {

namespace tile = vae::engine::tile;

inline vae::Config original_config(std::int64_t batch, int threads) {
  vae::Config config;
  config.max_batch = static_cast<std::uint32_t>(batch);
  config.threads = static_cast<std::uint32_t>(threads);
  return config;
}

template <class T>
class TileRig {
 public:
  TileRig(std::int64_t batch, int threads)
      : config_(original_config(batch, threads)),
        images_(numbers<float>(batch * plan.image.size())),
        team_(threads),
        work(plan, net, *device_, batch, threads) {
    for (float& pixel : images_) pixel = pixel / 2 + 0.5f;
    context.state = initial_state();
    operands.attach(vae::engine::floats(context.state.param));
    context.batch = work.batch(batch);
    step([](const char*, auto work_of_phase) { work_of_phase(); });
  }

  /// One training step; phase(name, work) is to call each work() in turn.
  template <class Phase>
  void step(Phase phase) {
    using tile::Mode;
    phase("weights", [&] { operands.refresh(team_, true); });
    phase("patches", [&] { encoder_.make_patches(images_.data()); });
    phase("encoder_forward", [&] { encoder_.forward(Mode::training); });
    phase("heads_forward", [&] { code_.heads_forward(); });
    phase("draw", [&] { code_.draw(0); });
    phase("expand_forward", [&] { code_.expand(Mode::training); });
    phase("decoder_forward", [&] { decoder_.forward(Mode::training); });
    phase("losses", [&] { losses(); });
    phase("decoder_backward", [&] { decoder_.backward(); });
    phase("expand_backward", [&] { code_.expand_backward(); });
    phase("heads_backward", [&] { code_.heads_backward(encoder_); });
    phase("encoder_backward", [&] { encoder_.backward(); });
    phase("adam", [&] { commit(); });
  }

  void commit() {
    vae::engine::cpu::commit(context.state, net.layout, plan.latent,
                             [this](std::int64_t count, auto body) {
                               team_.run(count,
                                         [&](std::int64_t i, int) { body(i); });
                             });
    operands.invalidate();
  }
  void refresh_weights() {
    operands.invalidate();
    operands.refresh(team_, true);
  }

 private:
  vae::engine::State initial_state() {
    vae::engine::State state =
        vae::train::allocate_state(*device_, net.layout, plan.latent);
    for (std::size_t i = 0; i < plan.params.size(); ++i)
      vae::train::write_segment(
          *device_, net.layout.params[i],
          vae::model::initial_param(plan, static_cast<int>(i), 0),
          vae::engine::floats(state.param));
    auto* control = static_cast<vae::engine::Control*>(state.control.get());
    static_cast<vae::engine::Settings&>(*control) = {
        0.0, config_.beta1, config_.beta2, config_.epsilon, 0.0, 0.0, 1.0, 0};
    return state;
  }

  void losses() {
    using vae::engine::floats;
    decoder_.losses(images_.data());
    device_->batch_sums({floats(work.heads), floats(work.recon),
                         floats(work.kl), floats(work.mse), context.tail(),
                         context.batch.count, plan.latent, context.control(),
                         false});
  }

  vae::Config config_;

 public:
  const vae::model::Plan plan = vae::model::make_plan(config_);
  const tile::Network net = tile::make_network(plan);

 private:
  std::vector<float> images_;
  std::unique_ptr<vae::engine::Device> device_ =
      vae::engine::make_cpu_device(static_cast<int>(config_.threads));
  tile::Team team_;

 public:
  tile::Operands<T> operands{*device_, net.weights};
  tile::Workspace<T> work;
  tile::Context<T> context{plan, config_, net, team_, operands,
                           work, {},      {},  false, 0};

 private:
  tile::Encoder<T> encoder_{context};
  tile::Code<T> code_{context};
  tile::Decoder<T> decoder_{context};
};

}  // namespace micro
