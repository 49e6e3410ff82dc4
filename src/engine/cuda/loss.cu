// The decoder's last product against the images: bias, likelihood, its gradient
// and the sums of each image in one pass. See kernel_operations.hpp.
#include "engine/cuda/columns.cuh"
#include "engine/math/objective.hpp"

namespace vae::engine::cuda {
namespace {

struct LossArgs {
  FusedLoss in;
  std::int64_t elements;  // of an image
  unsigned channels;
  float precision, norm;  // of gaussian_loss
};

/// One block per image. `gradient` may be the product: each element is read
/// before it is written, by the same thread.
template <class T>
__global__ void loss_kernel(LossArgs a) {
  const FusedLoss& in = a.in;
  const std::int64_t start = blockIdx.x * a.elements;
  const T* product = static_cast<const T*>(in.product.data) + start;
  T* gradient = static_cast<T*>(in.gradient) + start;
  const float* target = in.target + start;
  // The channel of an element without a division for each: a step of kThreads
  // elements is a step of kThreads % channels channels.
  const unsigned step = kThreads % a.channels;
  unsigned channel = threadIdx.x % a.channels;
  double recon = 0, square = 0;
  for (std::int64_t i = threadIdx.x; i < a.elements; i += kThreads) {
    const float output = read_number(product[i]) + in.bias[channel];
    const float x = target[i];
    const PixelLoss<float> pixel =
        in.likelihood == Likelihood::bernoulli
            ? bernoulli_loss(output, x)
            : gaussian_loss(output, x, a.precision, a.norm);
    const float d = pixel.mean - x;
    recon += static_cast<double>(pixel.loss);
    square += static_cast<double>(d * d);
    write_number(gradient + i, pixel.gradient);
    channel += step;
    if (channel >= a.channels) channel -= a.channels;
  }
  recon = block_sum(recon);
  square = block_sum(square);
  if (threadIdx.x != 0) return;
  in.recon_rows[blockIdx.x] = static_cast<float>(recon);
  in.mse_rows[blockIdx.x] =
      static_cast<float>(square / static_cast<double>(a.elements));
}

}  // namespace

// product [images * pixels, channels], target -> gradient of the same shape,
// losses [images]
void KernelFusion::loss(const FusedLoss& in) {
  const std::int64_t total = in.product.elements();
  const std::int64_t bytes =
      total * (2 * number_size(in.product.number) + kFloat) +
      (in.product.channels + 2 * in.images) * kFloat;
  const LossArgs args{in, total / in.images,
                      static_cast<unsigned>(in.product.channels),
                      static_cast<float>(gaussian_precision(in.sigma)),
                      static_cast<float>(gaussian_norm(in.sigma))};
  with_number(in.product.number, [&](auto number) {
    launch<loss_kernel<decltype(number)>>("loss", bytes, in.images,
                                          device_.stream(), args);
  });
  device_.check_launch();
}

}  // namespace vae::engine::cuda
