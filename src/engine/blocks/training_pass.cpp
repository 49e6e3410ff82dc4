// See training_pass.hpp. Two passes with the same steps; read TorchPass::run()
// first.
#include "engine/blocks/training_pass.hpp"

#include "engine/blocks/shapes.hpp"

namespace vae::engine::blocks {
namespace {

class TorchPass final : public TrainingPass {
 public:
  explicit TorchPass(const BlocksContext& context) : c_(context) {}

  // input [count, H, W, C] -> gradients, batch statistics and sums in the State
  void run(float* input, std::int64_t count, std::uint64_t first_image,
           bool accumulate) override {
    const Mode mode = accumulate ? Mode::accumulating : Mode::training;
    const std::int64_t latent = c_.plan.latent;
    const auto matrix = [&](std::int64_t columns) {
      return at::empty({count, columns}, c_.parameters.options());
    };
    const at::Tensor heads =
        c_.network.encode(c_.network.input_view(input, count), mode);
    const at::Tensor noise = matrix(latent), z = matrix(latent);
    const at::Tensor kl = matrix(1), recon = matrix(1), mse = matrix(1);
    c_.operations.normals({{c_.config.seed, Stream::train, 0},
                           &c_.control()->cursor,
                           first_image,
                           count,
                           latent,
                           1.0f,
                           data(noise)});
    // heads, noise -> z [count, latent], KL [count]
    c_.operations.latent(
        {data(heads), data(noise), data(z), data(kl), count, latent});
    // z -> output [count, H * W * C] -> losses [count], gradient of the output
    const at::Tensor output = c_.network.decode(z, mode);
    const at::Tensor doutput = at::empty_like(output);
    c_.operations.reconstruction(
        {data(output), input, data(doutput), data(recon), data(mse), count,
         c_.plan.image.size(), c_.config.likelihood, c_.config.gaussian_sigma});
    c_.operations.batch_sums({data(heads), data(recon), data(kl), data(mse),
                              c_.tail(), count, latent, c_.control(),
                              accumulate});

    // Back the same way. KL acts on the heads, so its gradient joins after dz.
    const at::Tensor dz = c_.network.backward_decoder(doutput, accumulate)
                              .to(at::kFloat)
                              .contiguous();
    const at::Tensor dheads = at::empty_like(heads);
    c_.operations.latent_gradient({data(heads), data(noise), data(dz),
                                   data(dheads), count, latent, c_.control()});
    c_.network.backward_encoder(c_.parameters.gemm_input(dheads), accumulate);
  }

 private:
  const BlocksContext c_;
};

/// The biases of the heads and of the last layer are added by the operations
/// that read their outputs.
class FusedPass final : public TrainingPass {
 public:
  FusedPass(const BlocksContext& context, Fusion& fusion)
      : c_(context), fusion_(fusion) {}

  // input [count, H, W, C] -> gradients, batch statistics and sums in the State
  void run(float* input, std::int64_t count, std::uint64_t first_image,
           bool accumulate) override {
    const Mode mode = accumulate ? Mode::accumulating : Mode::training;
    const std::int64_t latent = c_.plan.latent;
    const auto rows = [&](std::int64_t columns) {
      return at::empty({count, columns}, c_.parameters.options());
    };
    const at::Tensor heads = rows(2 * latent), noise = rows(latent);
    const at::Tensor kl = rows(1), recon = rows(1), mse = rows(1);
    const at::Tensor z =
        encode(input, count, first_image, mode, heads, noise, kl);
    const at::Tensor output = c_.network.decode_product(z, mode);
    // The gradient overwrites the output, which is not needed again.
    fusion_.loss({matrix_of(output, channels_of(c_.plan.decoder.back())),
                  bias_of_last(), input, output.data_ptr(), data(recon),
                  data(mse), count, c_.config.likelihood,
                  c_.config.gaussian_sigma});
    c_.operations.batch_sums({data(heads), data(recon), data(kl), data(mse),
                              c_.tail(), count, latent, c_.control(),
                              accumulate});
    backward(output, heads, noise, accumulate);
  }

 private:
  /// input [count, H, W, C] -> z [count, latent] in the GEMMs' type; fills
  /// heads [count, 2 * latent], noise [count, latent], KL [count]
  at::Tensor encode(float* input, std::int64_t count, std::uint64_t first_image,
                    Mode mode, const at::Tensor& heads, const at::Tensor& noise,
                    const at::Tensor& kl) {
    const at::Tensor product = c_.network.heads_product(
        c_.network.features(c_.network.input_view(input, count), mode));
    const at::Tensor z = at::empty({count, c_.plan.latent}, product.options());
    fusion_.latent_forward({matrix_of(product, 2 * c_.plan.latent),
                            data(c_.parameters.heads_bias()),
                            data(heads),
                            data(noise),
                            z.data_ptr(),
                            data(kl),
                            {c_.config.seed, Stream::train, 0},
                            &c_.control()->cursor,
                            first_image});
    return z;
  }

  /// doutput [count, H * W * C] -> gradients in the State
  void backward(const at::Tensor& doutput, const at::Tensor& heads,
                const at::Tensor& noise, bool accumulate) {
    const std::int64_t latent = c_.plan.latent;
    const at::Tensor dz =
        c_.network.backward_decoder(doutput, accumulate).contiguous();
    const at::Tensor dheads =
        at::empty({heads.size(0), 2 * latent}, dz.options());
    fusion_.latent_backward(
        {matrix_of(dz, latent), data(heads), data(noise), dheads.data_ptr(),
         data(c_.parameters.heads_bias_gradient()), c_.control(), accumulate});
    c_.network.backward_encoder(dheads, accumulate);
  }

  const float* bias_of_last() const {
    return data(c_.parameters.value(c_.plan.decoder.back().bias));
  }

  const BlocksContext c_;
  Fusion& fusion_;
};

}  // namespace

std::unique_ptr<TrainingPass> make_torch_pass(const BlocksContext& context) {
  return std::make_unique<TorchPass>(context);
}

std::unique_ptr<TrainingPass> make_fused_pass(const BlocksContext& context,
                                              Fusion& fusion) {
  return std::make_unique<FusedPass>(context, fusion);
}

}  // namespace vae::engine::blocks
