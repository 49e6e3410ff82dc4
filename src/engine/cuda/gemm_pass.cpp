// See gemm_pass.hpp. Read run() first: it is the order of a batch.
#include "engine/cuda/gemm_pass.hpp"

#include <algorithm>
#include <gsl/gsl>
#include <utility>

#include "engine/cuda/gemm_layers.hpp"
#include "engine/cuda/gemm_memory.hpp"
#include "engine/cuda/norm_sums.hpp"
#include "engine/math/likelihood.hpp"

namespace vae::engine::cuda {

using model::Activation;
using model::Layer;

namespace {

std::int32_t narrow(std::int64_t value) {
  return gsl::narrow<std::int32_t>(value);
}

}  // namespace

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
  const Layer& last = plan.decoder.back();
  if (last.in.c > kLastLayerChannels)
    return "the first layer has more than 256 channels";
  if (3 * last.in.w > kLastLayerPixels)
    return "images are wider than 340 pixels";
  return {};
}

class GemmPass final : public TrainingPass {
 public:
  GemmPass(const PassContext& context, const std::uint16_t* copy,
           KernelDevice& device)
      : c_(context),
        copy_(copy),
        device_(device),
        cores_(device.tensor_cores()),
        memory_(c_.plan, c_.layout, c_.config, cores_, device) {}

  void run(float* input, std::int64_t count, std::uint64_t first_image,
           bool accumulate) override;
  GradientNorm norm() const override {
    return {static_cast<double*>(memory_.norms.get()), memory_.task_count};
  }

 private:
  void encode();
  void code(std::uint64_t first_image);
  void decode();
  void backward_decoder();
  void backward_code();
  void backward_encoder();

  void start(const GemmArgs& args, bool b_k_major) {
    gemm(args, b_k_major, cores_, stream_);
  }
  void start_weights(const WeightGemmArgs& args) {
    weight_gemm(args, cores_, stream_);
  }
  /// `other` on the second stream, after all that the first was given before
  /// `work`. `work` starts first: what follows waits for it.
  template <class Work, class Other>
  void beside(Work work, Other other) {
    device_.fork();
    work();
    stream_ = device_.side_stream();
    other();
    stream_ = device_.stream();
  }

  /// What layer i of the decoder reads.
  const GemmMemory::Decoding& before(std::size_t i) const {
    return i == 0 ? memory_.expand : memory_.decoder[i - 1];
  }
  EpilogueArgs output_of(const Layer& layer,
                         const GemmMemory::Decoding& d) const;
  /// The derivative by what layer i of the decoder reads, or by the output of
  /// the norm of layer i of the encoder.
  EpilogueArgs toward_decoding(std::size_t i) const;
  EpilogueArgs toward_encoding(std::size_t i) const;
  NormGradientColumns norm_columns(std::size_t i) const;
  Patches patches_of(const float* image, const model::Extent& size,
                     const model::Extent& grid) const {
    return make_patches(image, count_, size.h, size.w, grid.h, grid.w);
  }

  const Segment& segment(int index) const {
    return c_.layout.params[static_cast<std::size_t>(index)];
  }
  const std::uint16_t* weight(int index) const {
    return copy_ + segment(index).offset;
  }
  const float* value(int index) const {
    return floats(c_.state.param) + segment(index).offset;
  }
  float* batch_running(int index) const {
    return floats(c_.state.reduced) + c_.layout.param_floats +
           c_.layout.running[static_cast<std::size_t>(index)].offset;
  }
  const Layer& encoder(std::size_t i) const { return c_.plan.encoder[i]; }
  const Layer& decoder(std::size_t i) const { return c_.plan.decoder[i]; }

  const PassContext c_;
  const std::uint16_t* copy_;  // parameters as bfloat16
  KernelDevice& device_;
  TensorCores cores_;
  GemmMemory memory_;
  bool clean_ = true;  // whether the exact sums start from zero

  // Of the batch at hand.
  cudaStream_t stream_ = nullptr;
  float* input_ = nullptr;
  std::int32_t count_ = 0;
  bool accumulate_ = false;
};

void GemmPass::run(float* input, std::int64_t count, std::uint64_t first_image,
                   bool accumulate) {
  stream_ = device_.stream();
  input_ = input, count_ = narrow(count), accumulate_ = accumulate;
  // Kernels clear behind themselves; a pass that failed half-way has not.
  if (!std::exchange(clean_, false))
    device_.clear(memory_.forward_sums.sums,
                  (memory_.forward_sums.count + memory_.backward_sums.count) *
                      static_cast<std::int64_t>(sizeof(ExactSum)));
  encode();
  code(first_image);
  decode();
  backward_decoder();
  backward_code();
  backward_encoder();
  device_.join();
  collect_gradients(
      {static_cast<const GradientTask*>(memory_.tasks.get()),
       floats(c_.state.reduced), static_cast<double*>(memory_.norms.get()),
       narrow(memory_.task_count), accumulate, memory_.forward_sums},
      memory_.task_bytes, stream_);
  device_.check_launch();
  clean_ = true;
}

void GemmPass::encode() {
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

void GemmPass::code(std::uint64_t first_image) {
  const std::int64_t latent = c_.plan.latent;
  const std::int64_t features = c_.plan.features.size();
  GemmArgs product =
      forward_args(rows(memory_.encoder.back().out, count_, features),
                   weight(c_.plan.mean_head.weight), 2 * latent,
                   partial_sums(memory_.code_sums));
  product.splits = gemm_splits(count_, 2 * latent, (features + 63) / 64);
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

EpilogueArgs GemmPass::output_of(const Layer& layer,
                                 const GemmMemory::Decoding& d) const {
  EpilogueArgs e{};
  e.kind = Epilogue::rows;
  e.out = d.out;
  e.bias = value(layer.bias);
  e.relu = layer.activation == Activation::relu;
  return e;
}

void GemmPass::decode() {
  const Layer& expand = c_.plan.expand;
  start(forward_args(rows(memory_.z, count_, c_.plan.latent),
                     weight(expand.weight), expand.out.size(),
                     output_of(expand, memory_.expand)),
        true);
  const std::size_t hidden = c_.plan.decoder.size() - 1;
  for (std::size_t i = 0; i < hidden; ++i) {
    const Layer& layer = decoder(i);
    start(transposed_args(before(i).out, count_, layer.in, layer.out,
                          layer.kernel, layer.stride, weight(layer.weight),
                          output_of(layer, memory_.decoder[i])),
          false);
  }
  const Layer& last = decoder(hidden);
  const double sigma = c_.config.gaussian_sigma;
  LastLayerArgs args{};
  args.x = before(hidden).out;
  args.w = weight(last.weight), args.bias = value(last.bias);
  args.target = input_, args.gradient = memory_.dlogits;
  args.totals = memory_.totals;
  args.images = count_, args.channels = narrow(last.in.c);
  args.ih = narrow(last.in.h), args.iw = narrow(last.in.w);
  args.oh = narrow(last.out.h), args.ow = narrow(last.out.w);
  args.likelihood = c_.config.likelihood;
  args.precision = static_cast<float>(gaussian_precision(sigma));
  args.norm = static_cast<float>(gaussian_norm(sigma));
  last_layer(args, stream_);
}

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
  // Nobody wants the derivative by the image, so BatchNorm's backward goes
  // straight into the derivative by the first layer's weights.
  const Layer& first = encoder(0);
  const GemmMemory::Encoding& e = memory_.encoder[0];
  patch_weights({patches_of(input_, first.in, first.out), e.gradient,
                 norm_columns(0), narrow(first.out.c), e.splits, e.weight_sums},
                stream_);
}

std::unique_ptr<TrainingPass> make_gemm_pass(const PassContext& context,
                                             const std::uint16_t* copy,
                                             KernelDevice& device) {
  return std::make_unique<GemmPass>(context, copy, device);
}

}  // namespace vae::engine::cuda
