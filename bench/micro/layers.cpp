// What the blocks engine makes a step from, over LibTorch: products of each
// layer of the original network, BatchNorm and activation, forward and
// backward, in its order of memory.
#include "engine/blocks/layers.hpp"

#include "engine/blocks/batch_norm.hpp"
#include "engine/blocks/torch_scope.hpp"
#include "micro.hpp"

namespace micro {
namespace {

namespace blocks = vae::engine::blocks;
using vae::model::Extent;
using vae::model::Layer;
using vae::model::LayerKind;

constexpr std::int64_t kBatch = 64;

/// [B, C, H, W], in memory [B, H, W, C].
at::Tensor images(const Extent& e) {
  return at::rand({kBatch, e.h, e.w, e.c}).sub_(0.5).permute({0, 3, 1, 2});
}

/// As PyTorch has it; in memory the channels are innermost.
at::Tensor weight_of(const Layer& layer) {
  const bool transposed = layer.kind == LayerKind::conv_transposed;
  const std::int64_t first = transposed ? layer.in.c : layer.out.c;
  const std::int64_t second = transposed ? layer.out.c : layer.in.c;
  return at::rand({first, layer.kernel, layer.kernel, second})
      .permute({0, 3, 1, 2});
}

/// Taps on padding counted, as LibTorch's convolutions are counted elsewhere.
double flop_of(const Layer& layer) {
  const Extent& coarse =
      layer.kind == LayerKind::conv_transposed ? layer.in : layer.out;
  return 2.0 * static_cast<double>(kBatch * coarse.h * coarse.w * layer.kernel *
                                   layer.kernel * layer.in.c * layer.out.c);
}

/// body(state) inside the scope that the engine's own calls have.
template <class Body>
void add_layer(const std::string& name, Body body) {
  for (const int threads : {1, 2})
    add("layer/fp32/batch:64/" + name + "/threads:" + std::to_string(threads),
        [=](benchmark::State& state) {
          const auto device = vae::engine::make_cpu_device(threads);
          const blocks::TorchScope scope(*device, threads, vae::Precision::fp32,
                                         false);
          body(state);
        });
}

void add_conv(const std::string& name, const Layer& layer, bool want_input) {
  const blocks::ConvShape shape = blocks::conv_shape(layer);
  const bool biased = !layer.normalised();
  add_layer(name + "/forward", [=](benchmark::State& state) {
    const at::Tensor x = images(layer.in), weight = weight_of(layer);
    const at::Tensor bias = biased ? at::rand({layer.out.c}) : at::Tensor();
    for (auto _ : state)
      benchmark::DoNotOptimize(blocks::conv_forward(x, weight, bias, shape));
    set_flop(state, flop_of(layer));
  });
  add_layer(name + "/backward", [=](benchmark::State& state) {
    const at::Tensor x = images(layer.in), weight = weight_of(layer);
    const at::Tensor dy = images(layer.out);
    for (auto _ : state)
      benchmark::DoNotOptimize(
          blocks::conv_backward(dy, x, weight, shape, want_input, biased));
    set_flop(state, (want_input ? 2 : 1) * flop_of(layer));
  });
}

/// What follows a product: BatchNorm where there is one, and the activation.
void add_norm(const std::string& name, const Layer& layer) {
  add_layer(name + "/norm_forward", [=](benchmark::State& state) {
    const at::Tensor x = images(layer.out);
    const at::Tensor weight = at::rand({layer.out.c}), bias = weight.clone();
    for (auto _ : state)
      benchmark::DoNotOptimize(blocks::norm_forward(x, weight, bias));
  });
  add_layer(name + "/norm_backward", [=](benchmark::State& state) {
    const at::Tensor x = images(layer.out), dy = images(layer.out);
    const at::Tensor weight = at::rand({layer.out.c}), bias = weight.clone();
    const auto forward = blocks::norm_forward(x, weight, bias);
    for (auto _ : state)
      benchmark::DoNotOptimize(blocks::norm_backward(dy, x, weight, forward));
  });
}

void add_activation(const std::string& name, const Layer& layer) {
  const double bytes =
      static_cast<double>(kBatch * layer.out.size()) * sizeof(float);
  add_layer(name + "/activation_forward", [=](benchmark::State& state) {
    const at::Tensor x = images(layer.out);
    for (auto _ : state)
      benchmark::DoNotOptimize(blocks::activate(x, layer.activation));
    set_bytes(state, 2 * bytes);
  });
  add_layer(name + "/activation_backward", [=](benchmark::State& state) {
    const at::Tensor y = images(layer.out), dy = images(layer.out);
    for (auto _ : state)
      benchmark::DoNotOptimize(
          blocks::activation_backward(dy, y, layer.activation));
    set_bytes(state, 3 * bytes);
  });
}

void add_linear(const std::string& name, std::int64_t in, std::int64_t out) {
  const double flop = 2.0 * static_cast<double>(kBatch * in * out);
  add_layer(name + "/forward", [=](benchmark::State& state) {
    const at::Tensor x = at::rand({kBatch, in}), weight = at::rand({out, in});
    const at::Tensor bias = at::rand({out});
    for (auto _ : state)
      benchmark::DoNotOptimize(blocks::linear_forward(x, weight, bias));
    set_flop(state, flop);
  });
  add_layer(name + "/backward", [=](benchmark::State& state) {
    const at::Tensor x = at::rand({kBatch, in}), weight = at::rand({out, in});
    const at::Tensor dy = at::rand({kBatch, out});
    for (auto _ : state)
      benchmark::DoNotOptimize(
          blocks::linear_backward(dy, x, weight, true, true));
    set_flop(state, 2 * flop);
  });
}

void add_all(const std::string& name, const Layer& layer, bool want_input) {
  add_conv(name, layer, want_input);
  if (layer.normalised()) add_norm(name, layer);
  if (layer.activation != vae::model::Activation::none)
    add_activation(name, layer);
}

}  // namespace

void add_layers() {
  const vae::model::Plan plan = vae::model::make_plan(vae::Config{});
  for (std::size_t i = 0; i < plan.encoder.size(); ++i)
    add_all("encoder" + std::to_string(i), plan.encoder[i], i > 0);
  // Both heads are one product.
  add_linear("heads", plan.features.size(), 2 * plan.latent);
  add_linear("expand", plan.latent, plan.features.size());
  for (std::size_t i = 0; i < plan.decoder.size(); ++i)
    add_all("decoder" + std::to_string(i), plan.decoder[i], true);
}

}  // namespace micro
