// The tile engine around the original network, put together as the engine does
// and within reach: a step by its phases (phases/...), the GEMMs of each layer
// without epilogues (gemm/...), Adam and packing the weights (commit/...). It
// trains nothing: the learning rate is 0.
#include <chrono>
#include <map>
#include <string_view>

#include "engine/cpu/loops.hpp"
#include "engine/tile/phases.hpp"
#include "micro.hpp"
#include "model/plan.hpp"
#include "train/memory.hpp"

namespace micro {
namespace {

namespace tile = vae::engine::tile;
using tile::Gradient;
using tile::Map;
using tile::TiledLayer;
using tile::TileIndex;

/// Members are made in this order, each from those above it. What they hold is
/// what a training step leaves there.
template <class T>
struct Engine {
  const vae::Config config;
  const vae::model::Plan plan = vae::model::make_plan(config);
  const int workers = static_cast<int>(config.threads);
  const tile::Network net = tile::make_network(plan, workers);
  const std::unique_ptr<vae::engine::Device> device =
      vae::engine::make_cpu_device(workers);
  tile::Team team{workers};
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

  Engine(std::uint32_t batch, std::uint32_t threads)
      : config{.max_batch = batch, .threads = threads} {
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
    each("losses", [&] {
      decoder.losses(images.data());
      context.batch_sums(context.tail(), nullptr, false);
    });
    each("decoder_backward", [&] { decoder.backward(); });
    each("expand_backward", [&] { code.expand_backward(); });
    each("heads_backward", [&] { code.heads_backward(encoder); });
    each("encoder_backward", [&] { encoder.backward(); });
    each("adam", [&] { commit(); });
  }

  void commit() {
    vae::engine::cpu::commit(context.state, net.layout, plan.latent, partial,
                             [this](std::int64_t count, auto body) {
                               team.run(count,
                                        [&](std::int64_t i, int) { body(i); });
                             });
    weights.invalidate();
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
    settings = Settings{};
    settings.beta1 = config.beta1, settings.beta2 = config.beta2;
    settings.epsilon = config.epsilon;
    settings.kl_weight = 1.0;
    return state;
  }
};

// ---- phases/...: a counter for each, in microseconds

template <class T>
void phases(benchmark::State& state, std::uint32_t batch,
            std::uint32_t threads) {
  using Clock = std::chrono::steady_clock;
  Engine<T> engine(batch, threads);
  std::map<std::string, double> microseconds;
  for (auto _ : state)
    engine.step([&](const char* name, auto work) {
      const Clock::time_point began = Clock::now();
      work();
      const std::chrono::duration<double, std::micro> lasted =
          Clock::now() - began;
      microseconds[name] += lasted.count();
    });
  for (const auto& [name, all] : microseconds)
    state.counters[name] =
        benchmark::Counter(all, benchmark::Counter::kAvgIterations);
}

// ---- gemm/...: forward, the gradient of the input (dx), of the weight (dw)

/// A layer with the inputs of its GEMMs.
template <class T>
struct Layer {
  const TiledLayer& tiled;
  const Map<T>&x, &transposed_x;
  Gradient<T> dy;
};

constexpr const char* kLayers[] = {"encoder0",  "encoder1",    "encoder2",
                                   "mean_head", "logvar_head", "expand",
                                   "decoder0",  "decoder1"};

/// The layers in the order of kLayers.
template <class T>
std::vector<Layer<T>> layers_of(const Engine<T>& engine) {
  const tile::Network& net = engine.net;
  const tile::Workspace<T>& work = engine.work;
  const auto dy = [&](const TiledLayer& tiled) {
    return engine.context.dy_of(0, tiled.out_pixels, tiled.out_blocks,
                                tiled.out_block);
  };
  std::vector<Layer<T>> layers{{net.encoder[0], work.patches,
                                work.patches_transposed, dy(net.encoder[0])}};
  for (std::size_t i = 1; i < net.encoder.size(); ++i)
    layers.push_back({net.encoder[i], work.encoder[i - 1].x,
                      work.encoder[i - 1].transposed, dy(net.encoder[i])});
  const auto& features = work.encoder.back();
  layers.push_back(
      {net.mean_head, features.x, features.transposed, work.dmean});
  layers.push_back(
      {net.logvar_head, features.x, features.transposed, work.dlogvar});
  layers.push_back(
      {net.expand, work.code, work.code_transposed, dy(net.expand)});
  for (std::size_t i = 0; i < net.decoder.size(); ++i)
    layers.push_back(
        {net.decoder[i], work.decoder_in[i], work.decoder_in_transposed[i],
         i + 1 == net.decoder.size() ? work.dcolumns : dy(net.decoder[i])});
  return layers;
}

/// All tiles of one GEMM; `out` is one tile.
template <class T>
void run_gemm(const Engine<T>& engine, const Layer<T>& layer,
              std::string_view what, float* out) {
  const TiledLayer& tiled = layer.tiled;
  const auto& geometry = tiled.geometry;
  const tile::Context<T>& context = engine.context;
  if (what == "forward")
    context.each_tile(tiled.out_pixels, tiled.out_blocks,
                      [&](const TileIndex& at, int) {
                        forward_tile(tiled, engine.weights, layer.x,
                                     geometry.by_out.of(at.pixel),
                                     context.rows_of(at), at, out);
                      });
  else if (what == "dx")
    context.each_tile(
        tiled.in_pixels, tiled.in_blocks, [&](const TileIndex& at, int) {
          input_gradient_tile(tiled, engine.weights, layer.dy.left,
                              geometry.by_in.of(at.pixel), context.rows_of(at),
                              at, false, out);
        });
  else
    context.team.run(tiled.weight_tiles(), [&](std::int64_t task, int) {
      const tile::WeightIndex at = tiled.weight_index(task);
      weight_gradient_tile(tiled, context.batch, layer.transposed_x,
                           layer.dy.right(), geometry.by_tap.of(at.tap), at.in,
                           at.out, false, out);
    });
}

/// Of any of the three: each multiplies every tap by every channel.
double flop_of(const TiledLayer& tiled, std::int64_t batch) {
  std::size_t taps = 0;
  for (std::int64_t pixel = 0; pixel < tiled.out_pixels; ++pixel)
    taps += tiled.geometry.by_out.of(pixel).size();
  return 2.0 * static_cast<double>(taps) *
         static_cast<double>(batch * tiled.in_blocks * tiled.in_block *
                             tiled.out_blocks * tiled.out_block);
}

template <class T>
void gemm(benchmark::State& state, std::size_t number, std::uint32_t batch,
          std::string_view what) {
  const Engine<T> engine(batch, 1);
  const Layer<T> layer = layers_of(engine)[number];
  std::vector<float> out(tile::kMostRows * tile::kMostRows);
  for (auto _ : state) {
    run_gemm(engine, layer, what, out.data());
    benchmark::ClobberMemory();
  }
  set_rate(state, kFlop, flop_of(layer.tiled, batch));
}

// ---- commit/...

template <class T>
void adam(benchmark::State& state, std::uint32_t threads) {
  Engine<T> engine(1, threads);
  for (auto _ : state) engine.commit();
  // The norm reads the gradient; Adam reads it and three more, and writes
  // those.
  set_rate(state, kBytes,
           static_cast<double>(engine.net.layout.param_floats) * (1 + 4 + 3) *
               sizeof(float));
}

template <class T>
void pack_weights(benchmark::State& state, std::uint32_t threads) {
  Engine<T> engine(1, threads);
  for (auto _ : state) {
    engine.weights.invalidate();
    engine.weights.refresh(engine.team, true);
  }
  const bool forward = sizeof(T) != sizeof(float);
  double floats = 0;
  for (const tile::Weight& weight : engine.net.weights)
    if (forward || weight.backward)
      floats +=
          static_cast<double>(weight.tiles * weight.rows * weight.columns);
  set_rate(state, kBytes,
           floats * (sizeof(float) + (forward ? 2 : 1) * sizeof(T)));
}

template <class T, class Body>
void add_case(const std::string& name, Body body) {
  add(name, [=](benchmark::State& state) {
    if (can_multiply<T>(state)) body(state);
  });
}

template <class T>
void add_type() {
  const std::string precision = kPrecision<T>;
  for (const std::uint32_t batch : {1u, 64u}) {
    const std::string middle =
        "/" + precision + "/batch:" + std::to_string(batch) + "/";
    for (const std::uint32_t threads : {1u, 2u})
      add_case<T>("phases" + middle + "threads:" + std::to_string(threads),
                  [=](auto& state) { phases<T>(state, batch, threads); });
    for (std::size_t i = 0; i < std::size(kLayers); ++i)
      for (const std::string_view what : {"forward", "dx", "dw"})
        // Nobody needs the derivative by the images.
        if (i > 0 || what != "dx")
          add_case<T>("gemm" + middle + kLayers[i] + "/" + std::string(what),
                      [=](auto& state) { gemm<T>(state, i, batch, what); });
  }
  for (const std::uint32_t threads : {1u, 2u})
    add_case<T>(
        "commit/weights/" + precision + "/threads:" + std::to_string(threads),
        [=](auto& state) { pack_weights<T>(state, threads); });
}

}  // namespace

void add_tile_engine() {
  add_type<float>();
  add_type<tile::Bf16>();
  for (const std::uint32_t threads : {1u, 2u})
    add_case<float>("commit/adam/threads:" + std::to_string(threads),
                    [=](auto& state) { adam<float>(state, threads); });
}

}  // namespace micro
