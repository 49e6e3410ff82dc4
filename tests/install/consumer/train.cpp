// A C++ program of a user of the installed libvae.a: as train.c with the C++
// API, and an error as an exception.
#include <cmath>
#include <cstdio>
#include <vae/vae.hpp>
#include <vector>

int main() {
  vae::Config config;
  config.height = config.width = 8;
  config.latent = 4;
  config.layers = {8, 8};
  config.device = vae::DeviceKind::cpu;
  vae::Trainer trainer(config);

  std::vector<float> images(8 * 64, 0.25f);
  vae::Metrics metrics;
  for (int i = 0; i < 3; ++i) {
    trainer.train_step(vae::Batch::of(images, 8), &metrics);
  }
  std::vector<float> drawn(64);
  vae::Output output = vae::Output::of(drawn);
  trainer.sample({.count = 1}, output);
  if (!(metrics.loss > 0 && std::isfinite(metrics.loss))) return 2;
  for (float pixel : drawn) {
    if (!(pixel >= 0 && pixel <= 1)) return 3;
  }
  config.latent = 0;
  try {
    vae::validate(config);
    return 4;
  } catch (const vae::Error& error) {
    if (error.status() != vae::Status::argument) return 5;
  }
  std::printf("C++: loss %.3f\n", metrics.loss);
}
