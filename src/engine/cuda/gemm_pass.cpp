// See gemm_pass.hpp. Read run() first: it is the order of a batch.
#include "engine/cuda/gemm_pass.hpp"

#include <algorithm>
#include <utility>

#include "engine/cuda/gemm_kernels.hpp"
#include "engine/cuda/gemm_layers.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {

using model::Activation;
using model::Layer;

std::string why_no_gemm_pass(const model::Plan& plan, const Config& config,
                             TensorCores cores) {
  constexpr std::int64_t kLanes = 8;  // bfloat16 numbers of 16 bytes
  if (cores == TensorCores::none)
    return "this device has no tensor cores for bfloat16";
  if (config.precision != Precision::bf16) return "precision is not bf16";
  if (config.net != Net::conv) return "the network is not convolutional";
  if (plan.image.c != 1) return "images have more than one channel";
  if (plan.encoder.size() < 2) return "there is a single layer";
  if (plan.latent % kLanes != 0) return "latent is not a multiple of 8";
  std::int64_t largest = 0;  // numbers of an image in a layer
  for (const Layer& layer : plan.encoder) {
    if (layer.out.c % kLanes != 0)
      return "a layer's channels are not a multiple of 8";
    largest = std::max({largest, layer.in.size(), layer.out.size()});
  }
  if (largest * config.max_batch > INT32_MAX)
    return "the activations of max_batch images are more than 2^31 numbers";
  // Divisor is exact as long as images * places^2 are below 2^40.
  const model::Extent& image = plan.image;
  const std::int64_t grid = (image.h + 1) / 2 * ((image.w + 1) / 2);
  if (grid * grid >= (std::int64_t{1} << 40) / config.max_batch)
    return "max_batch images of this size have too many places";
  const Layer& last = plan.decoder.back();
  if (last.in.c > kLastLayerChannels)
    return "the first layer has more than 256 channels";
  if (3 * last.in.w > kLastLayerPixels)
    return "images are wider than 340 pixels";
  return {};
}

std::string KernelFusion::why_no_pass(const model::Plan& plan,
                                      const Config& config) const {
  return why_no_gemm_pass(plan, config, device_.tensor_cores());
}

std::unique_ptr<DevicePass> KernelFusion::make_pass(const PassContext& context,
                                                    const std::uint16_t* copy) {
  return std::make_unique<GemmPass>(context, copy, device_);
}

/// What every function below works with: the stream to launch on, and how many
/// images the kernels are told of.
void GemmPass::begin(std::int64_t count) {
  stream_ = device_.stream();
  count_ = narrow(count);
}

// input [count, H, W, 1] -> gradient, batch statistics and sums in
// State::reduced. Nothing here waits: each line launches kernels.
void GemmPass::run(float* input, std::int64_t count, std::uint64_t first_image,
                   bool accumulate) {
  begin(count);
  input_ = input, accumulate_ = accumulate;
  // The kernels of a pass zero the sums for the next one. A pass that failed
  // half-way may not have.
  if (!std::exchange(clean_, false))
    device_.clear(memory_.forward_sums.sums,
                  (memory_.forward_sums.count + memory_.backward_sums.count) *
                      static_cast<std::int64_t>(sizeof(ExactSum)));
  forward_encoder();
  forward_code(first_image);
  forward_decoder();
  backward_decoder();
  backward_code();
  backward_encoder();
  device_.join();  // the weights' gradients, formed on the second stream
  collect_gradients(
      {static_cast<const GradientTask*>(memory_.tasks.get()),
       floats(c_.state.reduced), static_cast<double*>(memory_.norms.get()),
       narrow(memory_.task_count), accumulate, memory_.forward_sums},
      memory_.task_bytes, stream_);
  device_.check_launch();
  clean_ = true;
}

// input [B, H, W, 1] -> encoder[i].out [B, H', W', C] of each layer
// Two kernels per layer: the GEMM, whose epilogue adds up x and x^2 for the
// batch's statistics, and BatchNorm with activation from these sums.
void GemmPass::forward_encoder() {
  for (std::size_t i = 0; i < memory_.encoder.size(); ++i) {
    const Layer& layer = encoder(i);
    const GemmMemory::Encoding& e = memory_.encoder[i];
    EpilogueArgs statistics{};
    statistics.kind = Epilogue::statistics;
    statistics.out = e.product;
    statistics.channels = narrow(layer.out.c);
    statistics.sums = e.statistics;
    if (i == 0)
      patch_gemm({patches_of(input_, layer.in, layer.out), weight(layer.weight),
                  narrow(layer.out.c), statistics},
                 stream_);
    else
      start(
          forward_args(convolution(memory_.encoder[i - 1].out, count_, layer.in,
                                   layer.out, layer.kernel, layer.stride),
                       weight(layer.weight), layer.out.c, statistics),
          true);
    norm_apply(
        {e.product, e.out, e.statistics, value(layer.norm_weight),
         value(layer.norm_bias), value(layer.bias), e.mean, e.invstd,
         batch_running(layer.running_mean), batch_running(layer.running_var),
         narrow(count_ * places(layer.out)), narrow(layer.out.c),
         static_cast<float>(count_), accumulate_},
        stream_);
  }
}

// features [B, F] -> partial sums [splits, B, 2 * latent] -> heads, noise, z
// The kernel that draws z also zeroes the sums that the backward pass adds to.
void GemmPass::forward_code(std::uint64_t first_image) {
  const std::int64_t latent = c_.plan.latent;
  const GemmArgs product = heads_product();
  start(product, true);
  code_forward({memory_.code_sums,
                product.splits,
                count_,
                narrow(latent),
                value(c_.plan.mean_head.bias),
                memory_.heads,
                memory_.noise,
                memory_.z,
                memory_.kl,
                {c_.config.seed, Stream::train, 0},
                &c_.control()->cursor,
                first_image,
                memory_.backward_sums},
               stream_);
}

// z [B, latent] -> decoder[i].out of each layer -> losses, dlogits [B, H, W]
// The logits themselves are never stored: the last layer's kernel forms the
// likelihood and its gradient at once.
void GemmPass::forward_decoder() {
  hidden_layers();
  LastLayerArgs args = last_layer_args();
  args.target = input_, args.gradient = memory_.dlogits;
  args.totals = memory_.totals;
  last_layer(args, stream_);
}

// The GEMM gives the derivative by the output of the layer before; its epilogue
// multiplies by ReLU's slope, told from that output, and adds up the bias's
// gradient.
EpilogueArgs GemmPass::toward_decoding(std::size_t i) const {
  const Layer& layer = i == 0 ? c_.plan.expand : decoder(i - 1);
  const GemmMemory::Decoding& d = before(i);
  const bool relu = layer.activation == Activation::relu;
  EpilogueArgs e{};
  e.kind = relu ? Epilogue::masked : Epilogue::rows;
  e.out = d.gradient;
  e.channels = narrow(layer.out.c);
  e.other = relu ? d.out : nullptr;
  e.sums = d.bias_sums;
  return e;
}

// The same before a layer with BatchNorm: the epilogue goes back through the
// activation and adds up g and g times the normalised x, which BatchNorm's
// backward (norm_columns) needs of the whole batch.
EpilogueArgs GemmPass::toward_encoding(std::size_t i) const {
  const GemmMemory::Encoding& encoding = memory_.encoder[i];
  EpilogueArgs e{};
  e.kind = Epilogue::norm_gradient;
  e.out = encoding.gradient;
  e.channels = narrow(encoder(i).out.c);
  e.other = encoding.product;
  e.mean = encoding.mean, e.invstd = encoding.invstd;
  e.weight = value(encoder(i).norm_weight);
  e.shift = value(encoder(i).norm_bias);
  e.sums = encoding.backward;
  return e;
}

NormGradientColumns GemmPass::norm_columns(std::size_t i) const {
  const GemmMemory::Encoding& e = memory_.encoder[i];
  return {e.product,  value(encoder(i).norm_weight),          e.mean, e.invstd,
          e.backward, narrow(count_ * places(encoder(i).out))};
}

// dlogits [B, H, W] -> expand.gradient [B, F], partial sums of all weights
// For each layer the input's gradient on the first stream, since the next layer
// waits for it, and the weight's beside it on the second.
void GemmPass::backward_decoder() {
  const std::size_t hidden = c_.plan.decoder.size() - 1;
  const Layer& last = decoder(hidden);
  const Patches patches = patches_of(memory_.dlogits, last.out, last.in);
  beside(
      [&] {
        patch_gemm({patches, weight(last.weight), narrow(last.in.c),
                    toward_decoding(hidden)},
                   stream_);
      },
      [&] {
        patch_weights({patches,
                       before(hidden).out,
                       {},
                       narrow(last.in.c),
                       memory_.decoder[hidden].splits,
                       memory_.decoder[hidden].weight_sums},
                      stream_);
        step_sums({memory_.heads, memory_.kl, memory_.totals, c_.tail(), count_,
                   narrow(c_.plan.latent), narrow(c_.plan.image.size()),
                   c_.control(), accumulate_},
                  stream_);
      });
  for (std::size_t i = hidden; i-- > 0;) {
    const Layer& layer = decoder(i);
    const GemmMemory::Decoding& d = memory_.decoder[i];
    const Gather dy = convolution(d.gradient, count_, layer.out, layer.in,
                                  layer.kernel, layer.stride);
    beside(
        [&] {
          start(forward_args(dy, weight(layer.weight), layer.in.c,
                             toward_decoding(i)),
                true);
        },
        [&] {
          start_weights(
              {before(i).out, dy, narrow(layer.in.c), d.splits, d.weight_sums});
        });
  }
}

// expand.gradient [B, F] -> dz [splits, B, latent] -> dheads [B, 2 * latent]
//   -> gradient of the features, encoder[last].gradient [B, F]
void GemmPass::backward_code() {
  const std::int64_t latent = c_.plan.latent;
  const std::int64_t features = c_.plan.features.size();
  const std::uint16_t* dy = memory_.expand.gradient;
  GemmArgs dz =
      forward_args(rows(dy, count_, features), weight(c_.plan.expand.weight),
                   latent, partial_sums(memory_.code_sums));
  dz.splits = gemm_splits(count_, latent, (features + 63) / 64);
  beside(
      [&] { start(dz, false); },
      [&] {
        start_weights({dy, rows(memory_.z, count_, latent), narrow(features), 1,
                       memory_.expand.weight_sums});
        row_sums({dy, memory_.expand_bias, count_, narrow(features)}, stream_);
      });
  code_backward(
      {memory_.code_sums, dz.splits, count_, narrow(latent), memory_.heads,
       memory_.noise, memory_.dheads, memory_.heads_bias, c_.control()},
      stream_);
  const std::size_t last = memory_.encoder.size() - 1;
  beside(
      [&] {
        start(forward_args(rows(memory_.dheads, count_, 2 * latent),
                           weight(c_.plan.mean_head.weight), features,
                           toward_encoding(last)),
              false);
      },
      [&] {
        start_weights({memory_.dheads,
                       rows(memory_.encoder[last].out, count_, features),
                       narrow(2 * latent), 1, memory_.heads_weights});
      });
}

// encoder[last].gradient -> that of each layer, partial sums of all weights
// BatchNorm's backward comes first and in place: both GEMMs of a layer read its
// result.
void GemmPass::backward_encoder() {
  for (std::size_t i = memory_.encoder.size(); i-- > 1;) {
    const Layer& layer = encoder(i);
    const GemmMemory::Encoding& e = memory_.encoder[i];
    norm_gradient({e.gradient, norm_columns(i), narrow(layer.out.c)}, stream_);
    beside(
        [&] {
          start(transposed_args(e.gradient, count_, layer.out, layer.in,
                                layer.kernel, layer.stride,
                                weight(layer.weight), toward_encoding(i - 1)),
                false);
        },
        [&] {
          start_weights(
              {e.gradient,
               convolution(memory_.encoder[i - 1].out, count_, layer.in,
                           layer.out, layer.kernel, layer.stride),
               narrow(layer.out.c), e.splits, e.weight_sums});
        });
  }
  // The derivative by the image is not needed, so BatchNorm's backward goes
  // straight into the derivative by the first layer's weights.
  const Layer& first = encoder(0);
  const GemmMemory::Encoding& e = memory_.encoder[0];
  patch_weights({patches_of(input_, first.in, first.out), e.gradient,
                 norm_columns(0), narrow(first.out.c), e.splits, e.weight_sums},
                stream_);
}

}  // namespace vae::engine::cuda
