// The training pass with a device's element-wise operations.
#include "engine/blocks/shapes.hpp"
#include "engine/blocks/training_pass.hpp"

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
    c_.device.normals({{c_.config.seed, Stream::train, 0},
                       &c_.control()->cursor,
                       first_image,
                       count,
                       latent,
                       1.0f,
                       data(noise)});
    c_.device.latent(
        {data(heads), data(noise), data(z), data(kl), count, latent});
    const at::Tensor output = c_.network.decode(z, mode);
    const at::Tensor doutput = at::empty_like(output);
    c_.device.reconstruction({data(output), input, data(doutput), data(recon),
                              data(mse), count, c_.plan.image.size(),
                              c_.config.likelihood, c_.config.gaussian_sigma});
    c_.device.batch_sums({data(heads), data(recon), data(kl), data(mse),
                          c_.tail(), count, latent, c_.control(), accumulate});

    const at::Tensor dz = c_.network.backward_decoder(doutput, accumulate)
                              .to(at::kFloat)
                              .contiguous();
    const at::Tensor dheads = at::empty_like(heads);
    c_.device.latent_gradient({data(heads), data(noise), data(dz), data(dheads),
                               count, latent, c_.control()});
    c_.network.backward_encoder(c_.parameters.factor(dheads), accumulate);
  }

 private:
  const BlocksContext c_;
};

}  // namespace

std::unique_ptr<TrainingPass> make_torch_pass(const BlocksContext& context) {
  return std::make_unique<TorchPass>(context);
}

}  // namespace vae::engine::blocks
