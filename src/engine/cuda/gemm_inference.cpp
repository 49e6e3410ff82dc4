// See gemm_pass.hpp: what training and inference share of the forward, and the
// network alone. BatchNorm with running statistics goes into the epilogue of
// its product, so a layer is one kernel.
#include "engine/cuda/gemm_layers.hpp"
#include "engine/cuda/gemm_pass.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {

using model::Layer;

// features [B, F] x weight of both heads [2 * latent, F]^T
//   -> partial sums [splits, B, 2 * latent]
// The sum over F is long and the result small, so it is split among blocks.
GemmArgs GemmPass::heads_product() const {
  const std::int64_t latent = c_.plan.latent;
  const std::int64_t features = c_.plan.features.size();
  GemmArgs product =
      forward_args(rows(memory_.encoder.back().out, count_, features),
                   weight(c_.plan.mean_head.weight), 2 * latent,
                   partial_sums(memory_.code_sums));
  product.splits = gemm_splits(count_, 2 * latent, (features + 63) / 64);
  return product;
}

EpilogueArgs GemmPass::output_of(const Layer& layer,
                                 const GemmMemory::Decoding& d) const {
  EpilogueArgs e{};
  e.kind = Epilogue::rows;
  e.out = d.out;
  e.bias = value(layer.bias);
  e.relu = layer.activation == model::Activation::relu;
  return e;
}

// z [B, latent] -> expand.out [B, H, W, C] -> decoder[i].out [B, H', W', C']
// One kernel per layer: bias and activation are in the GEMM's epilogue.
void GemmPass::hidden_layers() {
  const Layer& expand = c_.plan.expand;
  start(forward_args(rows(memory_.z, count_, c_.plan.latent),
                     weight(expand.weight), expand.out.size(),
                     output_of(expand, memory_.expand)),
        true);
  for (std::size_t i = 0; i + 1 < memory_.decoder.size(); ++i) {
    const Layer& layer = decoder(i);
    start(transposed_args(before(i).out, count_, layer.in, layer.out,
                          layer.kernel, layer.stride, weight(layer.weight),
                          output_of(layer, memory_.decoder[i])),
          false);
  }
}

// What training and inference have in common; the caller says what the kernel
// writes: the likelihood's gradient or the output.
LastLayerArgs GemmPass::last_layer_args() const {
  const std::size_t hidden = memory_.decoder.size() - 1;
  const Layer& last = decoder(hidden);
  const double sigma = c_.config.gaussian_sigma;
  LastLayerArgs args{};
  args.x = before(hidden).out;
  args.w = weight(last.weight), args.bias = value(last.bias);
  args.images = count_, args.channels = narrow(last.in.c);
  args.ih = narrow(last.in.h), args.iw = narrow(last.in.w);
  args.oh = narrow(last.out.h), args.ow = narrow(last.out.w);
  args.likelihood = c_.config.likelihood;
  args.precision = static_cast<float>(gaussian_precision(sigma));
  args.norm = static_cast<float>(gaussian_norm(sigma));
  return args;
}

// The running statistics are known before the GEMM, unlike those of a batch, so
// that its epilogue normalises at once.
EpilogueArgs GemmPass::normalised(std::size_t i) const {
  const Layer& layer = encoder(i);
  EpilogueArgs e{};
  e.kind = Epilogue::normalised;
  e.out = memory_.encoder[i].out;
  e.channels = narrow(layer.out.c);
  e.weight = value(layer.norm_weight), e.shift = value(layer.norm_bias);
  e.running_mean = running(layer.running_mean);
  e.running_var = running(layer.running_var);
  e.product_bias = value(layer.bias);
  return e;
}

// images [count, H, W, 1] -> heads [count, 2 * latent]
void GemmPass::encode(const float* images, std::int64_t count, float* heads) {
  begin(count);
  const Layer& first = encoder(0);
  patch_gemm({patches_of(images, first.in, first.out), weight(first.weight),
              narrow(first.out.c), normalised(0)},
             stream_);
  for (std::size_t i = 1; i < memory_.encoder.size(); ++i) {
    const Layer& layer = encoder(i);
    start(forward_args(convolution(memory_.encoder[i - 1].out, count_, layer.in,
                                   layer.out, layer.kernel, layer.stride),
                       weight(layer.weight), layer.out.c, normalised(i)),
          true);
  }
  const GemmArgs product = heads_product();
  start(product, true);
  code_heads({memory_.code_sums, product.splits, count_, narrow(c_.plan.latent),
              value(c_.plan.mean_head.bias), heads},
             stream_);
  device_.check_launch();
}

// codes [count, latent] -> output [count, H, W, 1], logits or means
void GemmPass::decode(const float* codes, std::int64_t count, float* output) {
  begin(count);
  device_.fusion().refresh_copy(codes, count * c_.plan.latent, memory_.z);
  hidden_layers();
  LastLayerArgs args = last_layer_args();
  args.output = output;
  last_layer(args, stream_);
  device_.check_launch();
}

}  // namespace vae::engine::cuda
