// Creates, trains and destroys many small trainers with vae/vae.hpp, and prints
// the process's resident memory. leaks.py checks the numbers; with the address
// sanitizer, its leak checker does.
//
//   leaks [COUNT]        default 200 trainers
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <vae/vae.hpp>
#include <vector>

namespace {

constexpr std::uint32_t kSide = 8, kImages = 16;
constexpr int kEvery = 20;

/// Resident memory of this process in KiB.
long resident() {
  long size = 0, pages = 0;
  if (!(std::ifstream("/proc/self/statm") >> size >> pages))
    throw std::runtime_error("cannot read /proc/self/statm");
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

vae::Config make_config(int seed) {
  vae::Config config;
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers = {8, 8, 8};
  config.max_batch = kImages;
  config.threads = 1;
  config.device = vae::DeviceKind::cpu;
  config.seed = static_cast<std::uint64_t>(seed);
  return config;
}

void fail_to_create() {
  vae::Config config = make_config(0);
  config.latent = 0;
  try {
    vae::Trainer trainer(config);
  } catch (const vae::Error& error) {
    if (error.status() == vae::Status::argument) return;
    throw;
  }
  throw std::runtime_error("a trainer without a latent code was made");
}

void use_one(int number, const std::vector<std::uint8_t>& images) {
  vae::Trainer trainer(make_config(number));
  vae::Metrics metrics;
  trainer.train_step(images);
  trainer.train_step(images, &metrics);
  // The dataset is destroyed before the trainer, which still holds its images.
  if (number % 4 == 0)
    trainer.train_epoch(vae::Dataset::from_memory(images, {1, kSide, kSide}));
  if (number % 5 == 0)
    vae::Trainer::load(trainer.save(vae::SaveWhat::checkpoint));
  if (number % 10 == 0) fail_to_create();
}

}  // namespace

int main(int argc, char** argv) try {
  const int count = argc > 1 ? std::atoi(argv[1]) : 200;
  std::vector<std::uint8_t> images(kImages * kSide * kSide);
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<std::uint8_t>(i * 7 % 256);
  for (int i = 1; i <= count; ++i) {
    use_one(i, images);
    if (i % kEvery != 0) continue;
    std::printf("trainers %d rss %ld\n", i, resident());
    std::fflush(stdout);
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "leaks: %s\n", error.what());
  return 1;
}
