// The C++ API: values that clean up after themselves, spans, exceptions.
#include <cstdio>
#include <vae/vae.hpp>
#include <vector>

int main() {
  vae::Config config;
  config.height = config.width = 8;
  config.layers = {8, 16};
  config.latent = 2;
  vae::Trainer trainer(config);

  std::vector<std::uint8_t> images(16 * 64);
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = (i / 64 + i) % 8 < 4 ? 0 : 255;
  vae::Metrics metrics;
  for (int step = 0; step < 20; ++step)
    trainer.train_step(vae::Batch::of(images, 16), &metrics);
  std::printf("loss %.1f\n", metrics.loss);

  std::vector<float> drawn(4 * 64);
  vae::Output output = vae::Output::of(drawn);
  trainer.sample({.count = 4}, output);
  vae::write_grid("stripes.png", vae::Batch::of(drawn, 4), {1, 8, 8}, 2);

  try {
    trainer.set(vae::Key::learning_rate, -1);
  } catch (const vae::Error& error) {
    std::printf("refused: %s\n", error.what());
    return 0;
  }
  return 1;
}
