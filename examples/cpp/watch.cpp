// A thread trains; the main thread watches and stops it. The callback publishes
// the progress, a stop request cancels training in the middle of an epoch, and
// training continues from a checkpoint.
//
//   watch [SECONDS]     default 2; writes watch.safetensors to the current
//                       directory
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vae/vae.hpp>
#include <vector>

namespace {

constexpr int kSide = 16, kPixels = kSide * kSide, kImages = 1024;

// The progress, written by the worker and read by the watcher.
class Standing {
 public:
  void publish(const vae::Progress& now) {
    const std::lock_guard lock(mutex_);
    if (now_.steps == 0) first_loss_ = now.loss;
    now_ = now;
  }
  vae::Progress now() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  double first_loss() const {
    const std::lock_guard lock(mutex_);
    return first_loss_;
  }

 private:
  mutable std::mutex mutex_;
  vae::Progress now_{.steps = 0};
  double first_loss_ = 0;
};

// Trains epochs until `stop` is requested, then clears the cancellation.
// Rethrows other errors.
void train_until(std::stop_token stop, vae::Trainer& trainer,
                 const vae::Dataset& images, Standing& standing) {
  const std::stop_callback cancel(stop, [&] { trainer.cancel(true); });
  const vae::Run run{.every_steps = 4, .progress = [&](const auto& now) {
                       standing.publish(now);
                       return true;
                     }};
  try {
    while (true) trainer.train_epoch(images, run);
  } catch (const vae::Error& error) {
    if (error.status() != vae::Status::cancelled) throw;
  }
  trainer.cancel(false);
}

// Discs of different sizes in different places.
vae::Dataset make_images() {
  std::minstd_rand random(1);
  const auto from = [&](int low, int high) {
    return std::uniform_int_distribution(low, high)(random);
  };
  std::vector<std::uint8_t> pixels;
  for (int n = 0; n < kImages; ++n) {
    const int x = from(5, 10), y = from(5, 10), r = from(2, 4);
    for (int i = 0; i < kPixels; ++i) {
      const int dx = i % kSide - x, dy = i / kSide - y;
      pixels.push_back(dx * dx + dy * dy <= r * r ? 255 : 0);
    }
  }
  return vae::Dataset::from_memory(pixels, {1, kSide, kSide});
}

// The main thread's loop, where a host does its other work.
void watch(const Standing& standing, int seconds) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const vae::Progress now = standing.now();
    std::printf("epoch %llu, step %llu of %llu: loss %.1f = %.1f + KL %.1f\n",
                static_cast<unsigned long long>(now.epoch + 1),
                static_cast<unsigned long long>(now.step),
                static_cast<unsigned long long>(now.steps), now.loss,
                now.reconstruction, now.kl);
    std::fflush(stdout);
  }
}

// Five more steps with the trainer and with one loaded from its checkpoint: on
// the CPU the losses have the same bits.
bool go_on(vae::Trainer& trainer, const vae::Dataset& images) {
  const std::string path = "watch.safetensors";
  trainer.save(path, vae::SaveWhat::checkpoint);
  const vae::Config config = trainer.config();
  vae::Trainer again = vae::Trainer::load(path, &config);
  const vae::Run five{.max_steps = 5};
  const double here = trainer.train_epoch(images, five).loss;
  const double there = again.train_epoch(images, five).loss;
  std::printf("5 more steps: loss %.6f; from %s: %.6f\n", here, path.c_str(),
              there);
  return here == there;
}

// Returns whether the loss has improved and the checkpoint continues exactly.
bool run(int seconds) {
  vae::Config config;
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers = {8, 16, 16};
  config.max_batch = 32;
  config.device = vae::DeviceKind::cpu;
  config.threads = 1;

  const vae::Dataset images = make_images();
  vae::Trainer trainer(config);
  Standing standing;
  std::exception_ptr failure;
  {
    const std::jthread worker([&](std::stop_token stop) {
      try {
        train_until(stop, trainer, images, standing);
      } catch (...) {
        failure = std::current_exception();
      }
    });
    watch(standing, seconds);
  }  // requests a stop and joins, also if watch() throws
  if (failure) std::rethrow_exception(failure);

  const vae::Progress last = standing.now();
  std::printf("cancelled in epoch %llu: loss %.1f at first, %.1f at last\n",
              static_cast<unsigned long long>(last.epoch + 1),
              standing.first_loss(), last.loss);
  return go_on(trainer, images) && last.loss < standing.first_loss();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int seconds = argc > 1 ? std::stoi(argv[1]) : 2;
    if (argc > 2 || seconds < 1) {
      std::fprintf(stderr, "usage: watch [SECONDS]\n");
      return 2;
    }
    return run(seconds) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "watch: %s\n", error.what());
    return 1;
  }
}
