// Builds the layer list: the convolutional network of the original program
// from its channel list, or a fully connected one from its hidden sizes. The
// names and the order of creation are those of the PyTorch module, so that its
// state_dict can be loaded without a mapping.
#include "model/plan.hpp"

#include <algorithm>
#include <cmath>
#include <gsl/gsl>
#include <numeric>

#include "base/check.hpp"
#include "base/rng.hpp"

namespace vae::model {
namespace {

class Builder {
 public:
  explicit Builder(Plan& plan) : plan_(plan) {}

  /// Adds a trainable tensor; returns its index in Plan::params.
  int add_param(Tensor tensor) {
    plan_.entries.push_back({true, gsl::narrow<int>(plan_.params.size())});
    plan_.params.push_back(std::move(tensor));
    return plan_.entries.back().index;
  }

  int add_running(const std::string& name, std::int64_t size, float start) {
    plan_.entries.push_back({false, gsl::narrow<int>(plan_.running.size())});
    plan_.running.push_back({name, {size}, {size}, -1, 0, start});
    return plan_.entries.back().index;
  }

  // x [B, in.c, in.h, in.w] -> [B, out.c, out.h, out.w]
  // weight [out.c, in.c, k, k]; transposed: [in.c, out.c, k, k]; bias [out.c]
  Layer convolution(const std::string& name, LayerKind kind, Extent in,
                    Extent out, std::int64_t kernel, std::int64_t stride) {
    Layer layer{kind, in, out, kernel, stride};
    const bool transposed = kind == LayerKind::conv_transposed;
    const std::vector<std::int64_t> shape{
        transposed ? in.c : out.c, transposed ? out.c : in.c, kernel, kernel};
    // PyTorch uses the second axis as fan-in, also for transposed convolutions.
    const std::int64_t fan_in = shape[1] * kernel * kernel;
    layer.weight = add_param({name + ".weight", shape, shape, 1, fan_in});
    layer.bias = add_param({name + ".bias", {out.c}, {out.c}, -1, fan_in});
    return layer;
  }

  // x [B, in.size()] -> [B, out.size()]
  // weight [out.size(), in.size()], bias [out.size()]
  Layer linear(const std::string& name, Extent in, Extent out) {
    Layer layer{LayerKind::linear, in, out};
    Tensor weight{name + ".weight", {out.size(), in.size()}, {}, -1, in.size()};
    Tensor bias{name + ".bias", {out.size()}, {}, -1, in.size()};
    const bool image_out = out.h * out.w > 1;
    const bool image_in = in.h * in.w > 1;
    // No layer both starts and ends at an image axis.
    expect(!(image_out && image_in));
    weight.image_axis = image_out ? 0 : image_in ? 1 : -1;
    bias.image_axis = image_out ? 0 : -1;
    // [out, in] with the image side as C, H, W, so that an engine can store
    // that side channels-last.
    for (const Extent& side : {out, in}) {
      const bool image = side.h * side.w > 1;
      weight.dims.push_back(side.c);
      if (image) weight.dims.insert(weight.dims.end(), {side.h, side.w});
    }
    bias.dims =
        image_out ? std::vector{out.c, out.h, out.w} : std::vector{out.c};
    layer.weight = add_param(std::move(weight));
    layer.bias = add_param(std::move(bias));
    return layer;
  }

  // BatchNorm over the channels of the layer's output.
  void normalise(Layer& layer, const std::string& name) {
    const std::int64_t size = layer.out.c;
    layer.norm_weight = add_param({name + ".weight", {size}, {size}, -1, 0, 1});
    layer.norm_bias = add_param({name + ".bias", {size}, {size}, -1, 0, 0});
    layer.running_mean = add_running(name + ".running_mean", size, 0.0f);
    layer.running_var = add_running(name + ".running_var", size, 1.0f);
    plan_.batch_counters.push_back(name + ".num_batches_tracked");
  }

 private:
  Plan& plan_;
};

std::string numbered(const char* part, std::size_t index) {
  return std::string(part) + "." + std::to_string(index);
}

// features -> mean [B, L] and logvar [B, L]; z [B, L] -> features
void add_heads(Builder& build, Plan& plan) {
  const Extent code{plan.latent};
  plan.mean_head = build.linear("fc11", plan.features, code);
  plan.logvar_head = build.linear("fc12", plan.features, code);
  plan.expand = build.linear("fc2", code, plan.features);
}

// Encoder: all layers but the last halve the image (kernel 4, stride 2); the
// last keeps its size (kernel 3, stride 1). Each has BatchNorm and LeakyReLU.
// Decoder: a transposed convolution for each halving layer, in reverse.
void build_conv(const Config& config, Plan& plan) {
  Builder build(plan);
  const auto& channels = config.layers;
  const std::size_t count = channels.size();
  std::vector<Extent> sizes{plan.image};  // input of each layer
  for (std::size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    const Extent in = sizes.back();
    const Extent out{channels[i], last ? in.h : in.h / 2,
                     last ? in.w : in.w / 2};
    require(out.h > 0 && out.w > 0, Status::argument, "an image of ",
            config.height, " x ", config.width, " is too small for ", count,
            " layers: each of the first ", count - 1,
            " halves it, and nothing is left after layer ", i);
    Layer layer = build.convolution(numbered("encoder", 3 * i), LayerKind::conv,
                                    in, out, last ? 3 : 4, last ? 1 : 2);
    build.normalise(layer, numbered("encoder", 3 * i + 1));
    layer.activation = Activation::leaky_relu;
    plan.encoder.push_back(layer);
    sizes.push_back(out);
  }
  plan.features = sizes.back();
  add_heads(build, plan);
  Extent in = plan.features;
  for (std::size_t i = 0; i + 1 < count; ++i) {  // mirrors the halving layers
    const Extent out = sizes[count - 2 - i];
    Layer layer = build.convolution(numbered("decoder", 2 * i),
                                    LayerKind::conv_transposed, in, out, 4, 2);
    layer.activation = i + 2 < count ? Activation::relu : Activation::none;
    plan.decoder.push_back(layer);
    in = out;
  }
}

// Encoder: image -> layers[0] -> ... -> layers[n-1]; decoder: the reverse.
void build_dense(const Config& config, Plan& plan) {
  Builder build(plan);
  std::vector<Extent> sizes{plan.image};
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    const Extent out{config.layers[i]};
    Layer layer = build.linear(numbered("encoder", 2 * i), sizes.back(), out);
    layer.activation = Activation::leaky_relu;
    plan.encoder.push_back(layer);
    sizes.push_back(out);
  }
  plan.features = sizes.back();
  add_heads(build, plan);
  plan.expand.activation = Activation::relu;  // decoder.0 of the module
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    const std::size_t from = config.layers.size() - i;
    Layer layer = build.linear(numbered("decoder", 2 * i + 1), sizes[from],
                               sizes[from - 1]);
    if (from > 1) layer.activation = Activation::relu;
    plan.decoder.push_back(layer);
  }
}

}  // namespace

std::int64_t Tensor::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1},
                         std::multiplies<>());
}

const Tensor& Plan::tensor(const Entry& entry) const {
  const auto index = static_cast<std::size_t>(entry.index);
  return entry.trainable ? params[index] : running[index];
}

int Plan::find(const std::string& name) const {
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (tensor(entries[i]).name == name) return static_cast<int>(i);
  return -1;
}

bool Plan::is_counter(const std::string& name) const {
  return std::find(batch_counters.begin(), batch_counters.end(), name) !=
         batch_counters.end();
}

Plan make_plan(const Config& config) {
  Plan plan;
  plan.image = {config.channels, config.height, config.width};
  plan.latent = config.latent;
  config.net == Net::conv ? build_conv(config, plan)
                          : build_dense(config, plan);
  return plan;
}

// Elements 4b .. 4b+3 come from one Philox block, counter (index, b), so the
// values do not depend on the order in which tensors are drawn.
std::vector<float> initial_param(const Plan& plan, int index,
                                 std::uint64_t seed) {
  const Tensor& tensor = plan.params[static_cast<std::size_t>(index)];
  const auto count = static_cast<std::size_t>(tensor.elements());
  std::vector<float> values(count, tensor.constant);
  if (tensor.fan_in == 0) return values;
  const auto bound =
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(tensor.fan_in)));
  const NoiseKey key{seed, Stream::init, 0};
  for (std::size_t i = 0; i < count; i += 4) {
    const Words words = random_words(key, static_cast<std::uint32_t>(index),
                                     static_cast<std::uint32_t>(i / 4));
    for (std::size_t k = 0; k < 4 && i + k < count; ++k)
      values[i + k] = (2.0f * uniform(words.x[k]) - 1.0f) * bound;
  }
  return values;
}

}  // namespace vae::model
