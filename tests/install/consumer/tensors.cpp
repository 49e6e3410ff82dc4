// A C++ program that uses LibTorch: tensors as input and output, through the
// installed vae/torch.hpp.
#include <cstdio>
#include <vae/torch.hpp>
#include <vae/vae.hpp>

int main() {
  vae::Config config;
  config.height = config.width = 8;
  config.latent = 4;
  config.layers = {8, 8};
  config.device = vae::DeviceKind::cpu;
  config.threads = 1;
  vae::Trainer trainer(config);

  const at::Tensor images = at::rand({8, 1, 8, 8});
  vae::Metrics metrics;
  for (int i = 0; i < 3; ++i) vae::train_step(trainer, images, &metrics);
  if (vae::eval_step(trainer, images).images != 8) return 2;

  const auto [mean, logvar] = vae::encode(trainer, images);
  const at::Tensor decoded = vae::decode(trainer, mean);
  if (mean.sizes() != at::IntArrayRef({8, 4})) return 3;
  if (decoded.sizes() != images.sizes()) return 4;
  if (!at::equal(vae::reconstruct(trainer, images), decoded)) return 5;
  if (vae::sample(trainer, {.count = 2}).size(0) != 2) return 6;
  std::printf("tensors: loss %.3f\n", metrics.loss);
}
