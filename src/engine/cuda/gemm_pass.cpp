// See gemm_pass.hpp.
#include "engine/cuda/gemm_pass.hpp"

#include <algorithm>
#include <gsl/gsl>
#include <vector>

#include "engine/cuda/gradients.hpp"
#include "engine/cuda/norm_sums.hpp"
#include "engine/math/likelihood.hpp"

namespace vae::engine::cuda {
namespace {

using model::Activation;
using model::Layer;

constexpr std::int64_t kLanes = 8;  // numbers of 16 bytes in bfloat16

std::int32_t narrow(std::int64_t value) {
  return gsl::narrow<std::int32_t>(value);
}

std::int64_t places(const model::Extent& e) { return e.h * e.w; }

}  // namespace

std::string why_no_gemm_pass(const model::Plan& plan, const Config& config,
                             TensorCores cores) {
  if (cores == TensorCores::none)
    return "this device has no bfloat16 tensor cores, or libvae is not built "
           "for them";
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
    return "a batch's activations have more than 2^31 numbers";
  const Layer& last = plan.decoder.back();
  if (last.in.c > kLastLayerChannels)
    return "the first layer has more than 256 channels";
  if (3 * last.in.w > kLastLayerPixels) return "images are wider than 340";
  return {};
}

class GemmPass final : public TrainingPass {
 public:
  GemmPass(const PassContext& context, const std::uint16_t* copy,
           KernelDevice& device);

  void run(float* input, std::int64_t count, std::uint64_t first_image,
           bool accumulate) override;
  GradientNorm norm() const override {
    return {static_cast<double*>(norms_.get()), task_count_};
  }

 private:
  using Bf16 = std::uint16_t;
  /// What a layer of the encoder keeps between forward and backward.
  struct Encoding {
    Bf16 *product, *out, *gradient;   // [images, places, channels]
    float *mean, *invstd;             // [channels]
    ExactSum *statistics, *backward;  // [2, channels] each
    float* weight_sums;               // [splits, weights]
  };
  /// Of a layer of the decoder and of the one that expands the code: its
  /// output and the derivative by it; the last layer has neither.
  struct Decoding {
    Bf16 *out = nullptr, *gradient = nullptr;
    float* weight_sums = nullptr;
    ExactSum* bias_sums = nullptr;  // [channels]
  };

  template <class T>
  T* take(std::int64_t count);
  void make_encoder();
  void make_decoder();
  void make_tasks();
  void add_partials(int index, const float* partial, std::int64_t stride,
                    std::int64_t splits, std::int64_t elements);
  void add_exact(int index, const ExactSum* sums, std::int64_t count);
  std::int32_t weight_splits(std::int64_t m, std::int64_t n,
                             std::int64_t places) const;

  void encode();
  void code(std::uint64_t first_image);
  void decode();
  void backward_decoder();
  void backward_code();
  void backward_encoder();
  void backward_first_layer();

  void start(const GemmArgs& args, bool b_k_major);
  void start_weights(const WeightGemmArgs& args);
  EpilogueArgs toward_encoding(std::size_t layer) const;
  /// The derivative by the output of what feeds decoder layer `layer`.
  EpilogueArgs toward_decoding(std::size_t layer) const;
  NormGradientColumns norm_columns(std::size_t layer) const;
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

  const Bf16* weight(int index) const { return copy_ + segment(index).offset; }
  const float* value(int index) const {
    return floats(c_.state.param) + segment(index).offset;
  }
  float* batch_running(int index) const {
    return floats(c_.state.reduced) + c_.layout.param_floats +
           c_.layout.running[static_cast<std::size_t>(index)].offset;
  }
  const Segment& segment(int index) const {
    return c_.layout.params[static_cast<std::size_t>(index)];
  }
  const Layer& encoder(std::size_t i) const { return c_.plan.encoder[i]; }
  const Layer& decoder(std::size_t i) const { return c_.plan.decoder[i]; }
  std::size_t last_layer_index() const { return c_.plan.decoder.size() - 1; }
  std::int64_t most() const { return c_.config.max_batch; }

  const PassContext c_;
  const Bf16* copy_;
  KernelDevice& device_;
  TensorCores cores_;

  std::vector<Buffer> memory_;
  std::vector<Encoding> encodings_;
  std::vector<Decoding> decodings_;  // [0]: expand; [i + 1]: decoder i
  float *heads_ = nullptr, *noise_ = nullptr, *kl_ = nullptr;
  float *code_sums_ = nullptr, *dlogits_ = nullptr, *expand_bias_ = nullptr;
  float *heads_weights_ = nullptr, *first_weights_ = nullptr;
  Bf16 *z_ = nullptr, *dheads_ = nullptr;
  ExactSum* heads_bias_ = nullptr;
  LossTotals* totals_ = nullptr;
  /// Sums of the forward and, behind them, of the backward.
  Buffer exact_;
  ExactSum* next_exact_ = nullptr;
  std::int64_t forward_sums_ = 0, all_sums_ = 0;
  bool clean_ = true;  // whether the sums start from zero

  std::vector<GradientTask> tasks_;
  Buffer task_memory_, norms_;
  std::int64_t task_count_ = 0;

  // Of the batch at hand.
  cudaStream_t stream_ = nullptr;
  float* input_ = nullptr;
  std::int32_t count_ = 0;
  bool accumulate_ = false;
};

template <class T>
T* GemmPass::take(std::int64_t count) {
  memory_.push_back(
      device_.allocate(count * static_cast<std::int64_t>(sizeof(T))));
  return static_cast<T*>(memory_.back().get());
}

namespace {

/// Exact sums: two for each channel of each norm in the forward. In the
/// backward as many, one for each bias of the decoder and of the heads, and the
/// totals of the loss.
struct SumCounts {
  std::int64_t forward = 0, backward = 0;
  explicit SumCounts(const model::Plan& plan) {
    for (const Layer& layer : plan.encoder) forward += 2 * layer.out.c;
    backward = forward + 2 * plan.latent + 3;
    for (const Layer& layer : plan.decoder) backward += layer.out.c;
  }
};

}  // namespace

GemmPass::GemmPass(const PassContext& context, const std::uint16_t* copy,
                   KernelDevice& device)
    : c_(context), copy_(copy), device_(device), cores_(device.tensor_cores()) {
  static_assert(sizeof(LossTotals) == 3 * sizeof(ExactSum));
  const SumCounts sums(c_.plan);
  forward_sums_ = sums.forward, all_sums_ = sums.forward + sums.backward;
  exact_ =
      device_.allocate(all_sums_ * static_cast<std::int64_t>(sizeof(ExactSum)));
  next_exact_ = static_cast<ExactSum*>(exact_.get());
  make_encoder();
  make_decoder();
  make_tasks();
}

std::int32_t GemmPass::weight_splits(std::int64_t m, std::int64_t n,
                                     std::int64_t rows) const {
  // Twice as many blocks as multiprocessors: these products have long sums.
  constexpr std::int64_t kBlocks = 264;
  const std::int64_t tile =
      cores_ == TensorCores::hopper && m % 128 == 0 && rows >= 8192 ? 128 : 64;
  const std::int64_t tiles = (m + tile - 1) / tile * ((n + 63) / 64);
  const std::int64_t most_splits = std::max<std::int64_t>(rows / 128, 1);
  return narrow(std::clamp<std::int64_t>(kBlocks / tiles, 1, most_splits));
}

void GemmPass::make_encoder() {
  const auto exact = [&](std::int64_t count) {
    return std::exchange(next_exact_, next_exact_ + count);
  };
  for (const Layer& layer : c_.plan.encoder)
    encodings_.push_back({take<Bf16>(most() * layer.out.size()),
                          take<Bf16>(most() * layer.out.size()),
                          take<Bf16>(most() * layer.out.size()),
                          take<float>(layer.out.c), take<float>(layer.out.c),
                          exact(2 * layer.out.c), nullptr, nullptr});
  for (std::size_t i = 0; i < encodings_.size(); ++i)
    encodings_[i].backward = exact(2 * encoder(i).out.c);
}

void GemmPass::make_decoder() {
  const auto exact = [&](std::int64_t count) {
    return std::exchange(next_exact_, next_exact_ + count);
  };
  const std::int64_t latent = c_.plan.latent;
  const auto hidden = [&](const Layer& layer) {
    Decoding d;
    d.out = take<Bf16>(most() * layer.out.size());
    d.gradient = take<Bf16>(most() * layer.out.size());
    return d;
  };
  decodings_.push_back(hidden(c_.plan.expand));
  for (std::size_t i = 0; i < c_.plan.decoder.size(); ++i) {
    decodings_.push_back(i < last_layer_index() ? hidden(decoder(i))
                                                : Decoding{});
    if (i < last_layer_index())
      decodings_.back().bias_sums = exact(decoder(i).out.c);
  }
  heads_bias_ = exact(2 * latent);
  totals_ = reinterpret_cast<LossTotals*>(exact(3));
  decodings_.back().bias_sums = &totals_->gradient;
  heads_ = take<float>(most() * 2 * latent);
  noise_ = take<float>(most() * latent);
  kl_ = take<float>(most());
  z_ = take<Bf16>(most() * latent);
  dheads_ = take<Bf16>(most() * 2 * latent);
  dlogits_ = take<float>(most() * c_.plan.image.size());
  expand_bias_ = take<float>(c_.plan.features.size());
  // Partial sums of heads or of dz: fewer splits where there are more rows.
  std::int64_t largest = 0;
  const std::int64_t tiles = (c_.plan.features.size() + 63) / 64;
  for (std::int64_t m = std::min<std::int64_t>(most(), 64);;
       m = std::min(m + 64, most())) {
    largest = std::max(largest, m * gemm_splits(m, 2 * latent, tiles));
    largest = std::max(largest, m * gemm_splits(m, latent, tiles));
    if (m == most()) break;
  }
  code_sums_ = take<float>(largest * 2 * latent);
}

void GemmPass::add_partials(int index, const float* partial,
                            std::int64_t stride, std::int64_t splits,
                            std::int64_t elements) {
  for (std::int64_t done = 0; done < elements; done += kTaskFloats)
    tasks_.push_back(
        {partial + done, nullptr, stride, segment(index).offset + done,
         narrow(splits),
         narrow(std::min<std::int64_t>(kTaskFloats, elements - done))});
}

void GemmPass::add_exact(int index, const ExactSum* sums, std::int64_t count) {
  for (std::int64_t done = 0; done < count; done += kTaskFloats)
    tasks_.push_back(
        {nullptr, sums + done, 0, segment(index).offset + done, 1,
         narrow(std::min<std::int64_t>(kTaskFloats, count - done))});
}

/// Which sums are which parameter's gradient. Biases before BatchNorm have
/// none: theirs is zero.
void GemmPass::make_tasks() {
  const auto partials = [&](int index, std::int64_t elements,
                            std::int64_t splits) {
    auto* sums = take<float>(splits * elements);
    add_partials(index, sums, elements, splits, elements);
    return sums;
  };
  const auto weights = [&](const Layer& layer, std::int64_t grid) {
    const model::Extent &a = layer.kind == model::LayerKind::conv ? layer.out
                                                                  : layer.in,
                        &b = layer.kind == model::LayerKind::conv ? layer.in
                                                                  : layer.out;
    const std::int64_t n = layer.kernel * layer.kernel * b.c;
    return partials(layer.weight, a.c * n,
                    weight_splits(a.c, n, most() * grid));
  };
  for (std::size_t i = 0; i < encodings_.size(); ++i) {
    const Layer& layer = encoder(i);
    add_exact(layer.norm_bias, encodings_[i].backward, layer.out.c);
    add_exact(layer.norm_weight, encodings_[i].backward + layer.out.c,
              layer.out.c);
    if (i > 0) encodings_[i].weight_sums = weights(layer, places(layer.out));
  }
  const Layer& first = encoder(0);
  first_weights_ = partials(first.weight, 16 * first.out.c,
                            patch_weight_blocks(most() * places(first.out)));
  encodings_[0].weight_sums = first_weights_;
  const std::int64_t features = c_.plan.features.size();
  const std::int64_t latent = c_.plan.latent;
  heads_weights_ = partials(c_.plan.mean_head.weight, 2 * latent * features, 1);
  add_exact(c_.plan.mean_head.bias, heads_bias_, 2 * latent);
  decodings_[0].weight_sums =
      partials(c_.plan.expand.weight, features * latent, 1);
  add_partials(c_.plan.expand.bias, expand_bias_, features, 1, features);
  for (std::size_t i = 0; i < c_.plan.decoder.size(); ++i) {
    const Layer& layer = decoder(i);
    add_exact(layer.bias, decodings_[i + 1].bias_sums, layer.out.c);
    decodings_[i + 1].weight_sums =
        i < last_layer_index()
            ? weights(layer, places(layer.in))
            : partials(layer.weight, 16 * layer.in.c,
                       patch_weight_blocks(most() * places(layer.in)));
  }
  task_count_ = static_cast<std::int64_t>(tasks_.size());
  const auto bytes =
      task_count_ * static_cast<std::int64_t>(sizeof(GradientTask));
  task_memory_ = device_.allocate(bytes);
  device_.upload(task_memory_.get(), tasks_.data(), bytes);
  norms_ =
      device_.allocate(task_count_ * static_cast<std::int64_t>(sizeof(double)));
}

void GemmPass::start(const GemmArgs& args, bool b_k_major) {
  gemm(args, b_k_major, cores_, stream_);
}

void GemmPass::start_weights(const WeightGemmArgs& args) {
  weight_gemm(args, cores_, stream_);
}

namespace {

/// A convolution's input as it is gathered for its output.
Gather convolution(const std::uint16_t* from, std::int64_t images,
                   const model::Extent& in, const model::Extent& out,
                   std::int64_t kernel, std::int64_t stride) {
  return {from,
          narrow(images),
          narrow(in.h),
          narrow(in.w),
          narrow(in.c),
          narrow(out.h),
          narrow(out.w),
          narrow(stride),
          -1,
          -1,
          1,
          narrow(kernel),
          narrow(kernel),
          Divisor(places(out)),
          Divisor(out.w)};
}

/// Rows as images of one place.
Gather rows(const std::uint16_t* from, std::int64_t images,
            std::int64_t columns) {
  return {
      from, narrow(images), 1,         1, narrow(columns), 1, 1, 1, 0, 0, 1, 1,
      1,    Divisor(1),     Divisor(1)};
}

/// The product of a convolution with weights [out, taps, in].
GemmArgs forward_args(const Gather& a, const std::uint16_t* weights,
                      std::int64_t n, const EpilogueArgs& epilogue) {
  return {a,
          weights,
          a.images * a.gh * a.gw,
          narrow(n),
          a.taps_h * a.taps_w,
          a.taps_w,
          1,
          false,
          0,
          0,
          1,
          epilogue};
}

/// The derivative by a convolution's input `in`, or the transposed convolution
/// to `in`, from `from` [images, out]; weights [out, taps, in].
GemmArgs transposed_args(const std::uint16_t* from, std::int64_t images,
                         const model::Extent& out, const model::Extent& in,
                         std::int64_t kernel, std::int64_t stride,
                         const std::uint16_t* weights,
                         const EpilogueArgs& epilogue) {
  const bool phases = stride == 2;
  const std::int64_t gh = phases ? (in.h + 1) / 2 : in.h;
  const std::int64_t gw = phases ? (in.w + 1) / 2 : in.w;
  const std::int32_t taps = phases ? 2 : narrow(kernel);
  const std::int32_t start = phases ? 0 : 1;  // phases add theirs
  const Gather a{from,
                 narrow(images),
                 narrow(out.h),
                 narrow(out.w),
                 narrow(out.c),
                 narrow(gh),
                 narrow(gw),
                 1,
                 start,
                 start,
                 -1,
                 taps,
                 taps,
                 Divisor(gh * gw),
                 Divisor(gw)};
  return {a,
          weights,
          a.images * a.gh * a.gw,
          narrow(in.c),
          narrow(kernel * kernel),
          phases ? 8 : narrow(kernel),
          phases ? 2 : 1,
          phases,
          narrow(in.h),
          narrow(in.w),
          1,
          epilogue};
}

EpilogueArgs partial_sums(float* out) {
  EpilogueArgs e{};
  e.kind = Epilogue::partial;
  e.out = out;
  return e;
}

}  // namespace

void GemmPass::encode() {
  for (std::size_t i = 0; i < encodings_.size(); ++i) {
    const Layer& layer = encoder(i);
    const Encoding& e = encodings_[i];
    EpilogueArgs statistics{};
    statistics.kind = Epilogue::statistics;
    statistics.out = e.product;
    statistics.channels = narrow(layer.out.c);
    statistics.sums = e.statistics;
    if (i == 0)
      patch_gemm({make_patches(input_, count_, layer.in.h, layer.in.w,
                               layer.out.h, layer.out.w),
                  weight(layer.weight), narrow(layer.out.c), statistics},
                 stream_);
    else
      start(forward_args(convolution(encodings_[i - 1].out, count_, layer.in,
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
  GemmArgs product = forward_args(rows(encodings_.back().out, count_, features),
                                  weight(c_.plan.mean_head.weight), 2 * latent,
                                  partial_sums(code_sums_));
  product.splits = gemm_splits(count_, 2 * latent, (features + 63) / 64);
  start(product, true);
  code_forward({code_sums_,
                product.splits,
                count_,
                narrow(latent),
                value(c_.plan.mean_head.bias),
                heads_,
                noise_,
                z_,
                kl_,
                {c_.config.seed, Stream::train, 0},
                &c_.control()->cursor,
                first_image,
                {static_cast<ExactSum*>(exact_.get()) + forward_sums_,
                 narrow(all_sums_ - forward_sums_)}},
               stream_);
}

void GemmPass::decode() {
  const auto output = [&](const Layer& layer, const Decoding& d) {
    EpilogueArgs e{};
    e.kind = Epilogue::rows;
    e.out = d.out;
    e.bias = value(layer.bias);
    e.relu = layer.activation == Activation::relu;
    return e;
  };
  const Layer& expand = c_.plan.expand;
  start(forward_args(rows(z_, count_, c_.plan.latent), weight(expand.weight),
                     expand.out.size(), output(expand, decodings_[0])),
        true);
  for (std::size_t i = 0; i < last_layer_index(); ++i) {
    const Layer& layer = decoder(i);
    start(transposed_args(decodings_[i].out, count_, layer.in, layer.out,
                          layer.kernel, layer.stride, weight(layer.weight),
                          output(layer, decodings_[i + 1])),
          false);
  }
  const Layer& last = decoder(last_layer_index());
  const double sigma = c_.config.gaussian_sigma;
  last_layer({decodings_[last_layer_index()].out, weight(last.weight),
              value(last.bias), input_, dlogits_, totals_, count_,
              narrow(last.in.h), narrow(last.in.w), narrow(last.in.c),
              narrow(last.out.h), narrow(last.out.w), c_.config.likelihood,
              static_cast<float>(gaussian_precision(sigma)),
              static_cast<float>(gaussian_norm(sigma))},
             stream_);
}

EpilogueArgs GemmPass::toward_decoding(std::size_t layer) const {
  const Layer& before = layer == 0 ? c_.plan.expand : decoder(layer - 1);
  const Decoding& d = decodings_[layer];
  EpilogueArgs e{};
  e.kind =
      before.activation == Activation::relu ? Epilogue::masked : Epilogue::rows;
  e.out = d.gradient;
  e.channels = narrow(before.out.c);
  e.other = e.kind == Epilogue::masked ? d.out : nullptr;
  e.sums = d.bias_sums;
  return e;
}

EpilogueArgs GemmPass::toward_encoding(std::size_t layer) const {
  const Encoding& e = encodings_[layer];
  EpilogueArgs args{};
  args.kind = Epilogue::norm_gradient;
  args.out = e.gradient;
  args.channels = narrow(encoder(layer).out.c);
  args.other = e.product;
  args.mean = e.mean, args.invstd = e.invstd;
  args.weight = value(encoder(layer).norm_weight);
  args.shift = value(encoder(layer).norm_bias);
  args.sums = e.backward;
  return args;
}

NormGradientColumns GemmPass::norm_columns(std::size_t layer) const {
  const Encoding& e = encodings_[layer];
  return {e.product,  value(encoder(layer).norm_weight),
          e.mean,     e.invstd,
          e.backward, narrow(count_ * places(encoder(layer).out))};
}

void GemmPass::backward_decoder() {
  const Layer& last = decoder(last_layer_index());
  const Decoding& input = decodings_[last_layer_index()];
  const Patches patches = make_patches(dlogits_, count_, last.out.h, last.out.w,
                                       last.in.h, last.in.w);
  beside(
      [&] {
        patch_gemm({patches, weight(last.weight), narrow(last.in.c),
                    toward_decoding(last_layer_index())},
                   stream_);
      },
      [&] {
        patch_weights({patches,
                       input.out,
                       {},
                       narrow(last.in.c),
                       patch_weight_blocks(most() * places(last.in)),
                       decodings_.back().weight_sums},
                      stream_);
        step_sums(
            {heads_, kl_, totals_, c_.tail(), count_, narrow(c_.plan.latent),
             narrow(c_.plan.image.size()), c_.control(), accumulate_},
            stream_);
      });
  for (std::size_t i = last_layer_index(); i-- > 0;) {
    const Layer& layer = decoder(i);
    const Gather dy = convolution(decodings_[i + 1].gradient, count_, layer.out,
                                  layer.in, layer.kernel, layer.stride);
    const std::int64_t n = layer.kernel * layer.kernel * layer.out.c;
    beside(
        [&] {
          start(forward_args(dy, weight(layer.weight), layer.in.c,
                             toward_decoding(i)),
                true);
        },
        [&] {
          start_weights(
              {decodings_[i].out, dy, narrow(layer.in.c),
               weight_splits(layer.in.c, n, most() * places(layer.in)),
               decodings_[i + 1].weight_sums});
        });
  }
}

void GemmPass::backward_code() {
  const std::int64_t latent = c_.plan.latent;
  const std::int64_t features = c_.plan.features.size();
  const Bf16* dy = decodings_[0].gradient;
  GemmArgs dz =
      forward_args(rows(dy, count_, features), weight(c_.plan.expand.weight),
                   latent, partial_sums(code_sums_));
  dz.splits = gemm_splits(count_, latent, (features + 63) / 64);
  beside([&] { start(dz, false); },
         [&] {
           start_weights({dy, rows(z_, count_, latent), narrow(features), 1,
                          decodings_[0].weight_sums});
           row_sums({dy, expand_bias_, count_, narrow(features)}, stream_);
         });
  code_backward({code_sums_, dz.splits, count_, narrow(latent), heads_, noise_,
                 dheads_, heads_bias_, c_.control()},
                stream_);
  beside(
      [&] {
        start(forward_args(rows(dheads_, count_, 2 * latent),
                           weight(c_.plan.mean_head.weight), features,
                           toward_encoding(encodings_.size() - 1)),
              false);
      },
      [&] {
        start_weights({dheads_, rows(encodings_.back().out, count_, features),
                       narrow(2 * latent), 1, heads_weights_});
      });
}

void GemmPass::backward_encoder() {
  for (std::size_t i = encodings_.size(); i-- > 1;) {
    const Layer& layer = encoder(i);
    const Encoding& e = encodings_[i];
    norm_gradient({e.gradient, norm_columns(i), narrow(layer.out.c)}, stream_);
    const std::int64_t n = layer.kernel * layer.kernel * layer.in.c;
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
               convolution(encodings_[i - 1].out, count_, layer.in, layer.out,
                           layer.kernel, layer.stride),
               narrow(layer.out.c),
               weight_splits(layer.out.c, n, most() * places(layer.out)),
               e.weight_sums});
        });
  }
  backward_first_layer();
}

/// Nobody wants the derivative by the image, so BatchNorm's backward goes
/// straight into the derivative by the weights.
void GemmPass::backward_first_layer() {
  const Layer& first = encoder(0);
  patch_weights(
      {make_patches(input_, count_, first.in.h, first.in.w, first.out.h,
                    first.out.w),
       encodings_[0].gradient, norm_columns(0), narrow(first.out.c),
       patch_weight_blocks(most() * places(first.out)), first_weights_},
      stream_);
}

void GemmPass::run(float* input, std::int64_t count, std::uint64_t first_image,
                   bool accumulate) {
  stream_ = device_.stream();
  input_ = input, count_ = narrow(count), accumulate_ = accumulate;
  if (!std::exchange(clean_, false))
    device_.clear(exact_.get(),
                  all_sums_ * static_cast<std::int64_t>(sizeof(ExactSum)));
  encode();
  code(first_image);
  decode();
  backward_decoder();
  backward_code();
  backward_encoder();
  device_.join();
  std::int64_t bytes = 0;
  for (const GradientTask& task : tasks_)
    bytes += task.count * 4 * (std::int64_t{task.splits} + 1);
  collect_gradients(
      {static_cast<const GradientTask*>(task_memory_.get()),
       floats(c_.state.reduced),
       static_cast<double*>(norms_.get()),
       narrow(task_count_),
       accumulate,
       {static_cast<ExactSum*>(exact_.get()), narrow(forward_sums_)}},
      bytes, stream_);
  device_.check_launch();
  clean_ = true;
}

std::unique_ptr<TrainingPass> make_gemm_pass(const PassContext& context,
                                             const std::uint16_t* copy,
                                             KernelDevice& device) {
  return std::make_unique<GemmPass>(context, copy, device);
}

}  // namespace vae::engine::cuda
