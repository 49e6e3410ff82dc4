// What the blocks engine makes a step from, over LibTorch: convolutions of each
// layer of the original network, BatchNorm and activation, forward and
// backward, in its order of memory.
#include "engine/blocks/activation.hpp"
#include "engine/blocks/batch_norm.hpp"
#include "engine/blocks/conv.hpp"
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

/// Inputs of any call of a layer.
struct Inputs {
  at::Tensor x, y, dy, scale, shift, weight, bias;

  explicit Inputs(const Layer& layer)
      : x(images(layer.in)),
        y(images(layer.out)),
        dy(images(layer.out)),
        scale(at::rand({layer.out.c})),
        shift(at::rand({layer.out.c})) {
    // As PyTorch has it; in memory the channels are innermost.
    const bool transposed = layer.kind == LayerKind::conv_transposed;
    const std::int64_t first = transposed ? layer.in.c : layer.out.c;
    const std::int64_t second = transposed ? layer.out.c : layer.in.c;
    weight = at::rand({first, layer.kernel, layer.kernel, second})
                 .permute({0, 3, 1, 2});
    if (!layer.normalised()) bias = at::rand({layer.out.c});
  }
};

/// Taps on padding counted, as LibTorch's convolutions are counted elsewhere.
double flop_of(const Layer& layer) {
  const Extent& coarse =
      layer.kind == LayerKind::conv_transposed ? layer.in : layer.out;
  return 2.0 * static_cast<double>(kBatch * coarse.h * coarse.w * layer.kernel *
                                   layer.kernel * layer.in.c * layer.out.c);
}

double bytes_of(const Layer& layer) {
  return static_cast<double>(kBatch * layer.out.size()) * sizeof(float);
}

/// Times call(inputs), inside the scope that the engine's own calls have.
/// `each`: operations or bytes of a call.
template <class Call>
void add_call(const std::string& name, const Layer& layer, const char* rate,
              double each, Call call) {
  for (const int threads : {1, 2})
    add("layer/fp32/batch:64/" + name + "/threads:" + std::to_string(threads),
        [=](benchmark::State& state) {
          const auto device = vae::engine::make_cpu_device(threads);
          const blocks::TorchScope scope(*device, threads, vae::Precision::fp32,
                                         false);
          const Inputs inputs(layer);
          for (auto _ : state) benchmark::DoNotOptimize(call(inputs));
          set_rate(state, rate, each);
        });
}

void add_layer(const std::string& name, const Layer& layer, bool want_input) {
  const blocks::ConvShape shape = blocks::conv_shape(layer);
  const bool biased = !layer.normalised();
  const double flop = flop_of(layer), bytes = bytes_of(layer);
  add_call(name + "/forward", layer, kFlop, flop, [=](const Inputs& in) {
    return blocks::conv_forward(in.x, in.weight, in.bias, shape);
  });
  add_call(name + "/backward", layer, kFlop, (want_input ? 2 : 1) * flop,
           [=](const Inputs& in) {
             return blocks::conv_backward(in.dy, in.x, in.weight, shape,
                                          want_input, biased);
           });
  if (layer.normalised())
    add_call(name + "/norm", layer, kBytes, 5 * bytes, [](const Inputs& in) {
      const auto forward = blocks::norm_forward(in.y, in.scale, in.shift);
      return blocks::norm_backward(in.dy, in.y, in.scale, forward);
    });
  if (layer.activation == vae::model::Activation::none) return;
  add_call(name + "/activation_forward", layer, kBytes, 2 * bytes,
           [=](const Inputs& in) {
             return blocks::activate(in.y, layer.activation);
           });
  add_call(name + "/activation_backward", layer, kBytes, 3 * bytes,
           [=](const Inputs& in) {
             return blocks::activation_backward(in.dy, in.y, layer.activation);
           });
}

}  // namespace

void add_layers() {
  const vae::model::Plan plan = vae::model::make_plan(vae::Config{});
  for (std::size_t i = 0; i < plan.encoder.size(); ++i)
    add_layer("encoder" + std::to_string(i), plan.encoder[i], i > 0);
  for (std::size_t i = 0; i < plan.decoder.size(); ++i)
    add_layer("decoder" + std::to_string(i), plan.decoder[i], true);
}

}  // namespace micro
