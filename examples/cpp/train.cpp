// Trains on images in a folder, samples new images, saves the model.
//
//   train FOLDER [EPOCHS]     FOLDER as for vae::Dataset::open, such as
//                             MNIST's; default 5 epochs; writes samples.png
//                             and model.safetensors to the current directory
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vae/vae.hpp>
#include <vector>

namespace {

// Called by train_epoch after every 100 steps and at the end.
bool tell(const vae::Progress& now) {
  std::printf("\repoch %llu: step %llu of %llu, loss %.2f ",
              static_cast<unsigned long long>(now.epoch + 1),
              static_cast<unsigned long long>(now.step),
              static_cast<unsigned long long>(now.steps), now.loss);
  if (now.step == now.steps) std::printf("\n");
  std::fflush(stdout);
  return true;  // false would end the run
}

// Returns whether training improved the loss.
bool train(const std::string& folder, int epochs) {
  const auto images = vae::Dataset::open(folder);
  const auto& [channels, height, width] = images.shape();
  vae::Trainer trainer(
      vae::Config{.channels = channels, .height = height, .width = width});

  // The loss on the first few batches, without training.
  const vae::Run few{.max_steps = 8};
  const double before = trainer.evaluate(images, few).loss;
  for (int epoch = 0; epoch < epochs; ++epoch)
    trainer.train_epoch(images, {.every_steps = 100, .progress = tell});
  const double after = trainer.evaluate(images, few).loss;
  std::printf("loss %.2f before, %.2f after training\n", before, after);

  const auto drawn = trainer.sample<std::uint8_t>({.count = 64, .seed = 0});
  vae::write_grid("samples.png", drawn, images.shape(), 8);
  trainer.save("model.safetensors", vae::SaveWhat::model);
  std::printf("wrote samples.png and model.safetensors\n");
  return after < before;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int epochs = argc == 3 ? std::stoi(argv[2]) : 5;
    if (argc < 2 || argc > 3 || epochs < 1) {
      std::fprintf(stderr, "usage: train FOLDER [EPOCHS]\n");
      return 2;
    }
    return train(argv[1], epochs) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train: %s\n", error.what());
    return 1;
  }
}
