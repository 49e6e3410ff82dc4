// Trains on samples that arrive one by one while the host does its own work.
// The host's loop writes each sample to a ring buffer and never waits; a second
// thread runs a training step whenever a batch is full. If training is too slow
// and the ring is full, the newest sample is dropped and counted, as for a
// camera.
//
//   online [SAMPLES]     default 3000, one per millisecond; writes online.png
//   to
//                        the current directory
#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vae/vae.hpp>
#include <vector>

namespace {

constexpr int kSide = 16, kPixels = kSide * kSide;
constexpr std::size_t kBatch = 32, kSlots = 4 * kBatch, kReport = 8;

using Image = std::array<std::uint8_t, kPixels>;
using Clock = std::chrono::steady_clock;

// A ring buffer of samples between host and learner. The host writes free
// slots, the learner reads filled slots. The number of slots is a multiple of
// the batch size, so a batch is contiguous.
class Ring {
 public:
  // False if the ring is full. Never waits for training.
  bool put(const Image& sample) {
    const std::lock_guard lock(mutex_);
    if (written_ - taken_ == kSlots) return false;
    std::copy(sample.begin(), sample.end(),
              pixels_.begin() + written_ % kSlots * kPixels);
    if (++written_ - taken_ >= kBatch) filled_.notify_one();
    return true;
  }
  // The next full batch, valid until done(); empty if `stop` is requested and
  // there is none.
  std::optional<std::span<const std::uint8_t>> next(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!filled_.wait(lock, stop,
                      [this] { return written_ - taken_ >= kBatch; }))
      return std::nullopt;
    return std::span(pixels_).subspan(taken_ % kSlots * kPixels,
                                      kBatch * kPixels);
  }
  // Frees the batch's slots.
  void done() {
    const std::lock_guard lock(mutex_);
    taken_ += kBatch;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any filled_;
  std::size_t written_ = 0, taken_ = 0;
  std::vector<std::uint8_t> pixels_ =
      std::vector<std::uint8_t>(kSlots * kPixels);
};

// Progress of the learner.
struct News {
  std::size_t steps = 0;
  double first_loss = 0, last_loss = 0;  // means over kReport steps
  std::exception_ptr failure;
};

// A thread that owns a trainer and trains it on the samples of the ring.
class Learner {
 public:
  Learner(vae::Trainer trainer, Ring& samples)
      : trainer_(std::move(trainer)), samples_(samples) {}

  News news() const {
    const std::lock_guard lock(mutex_);
    return news_;
  }
  // Ends the thread after all whole batches and returns the trainer. Rethrows
  // the thread's exception.
  vae::Trainer finish() {
    thread_.request_stop();
    thread_.join();
    if (news_.failure) std::rethrow_exception(news_.failure);
    return std::move(trainer_);
  }

 private:
  void learn(std::stop_token stop) try {
    while (const auto batch = samples_.next(stop)) {
      trainer_.train_step(*batch);  // copies the batch before it returns
      samples_.done();
      const std::size_t steps = news_.steps + 1;  // only this thread writes it
      std::optional<double> loss;
      if (steps % kReport == 0) loss = trainer_.read_metrics().loss;

      const std::lock_guard lock(mutex_);  // not during the training step
      news_.steps = steps;
      if (loss) news_.last_loss = *loss;
      if (steps == kReport) news_.first_loss = *loss;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    news_.failure = std::current_exception();
  }

  vae::Trainer trainer_;
  Ring& samples_;
  mutable std::mutex mutex_;
  News news_;
  std::jthread thread_{[this](std::stop_token stop) { learn(stop); }};
};

Image draw_disc(std::minstd_rand& random) {
  const auto from = [&](int low, int high) {
    return std::uniform_int_distribution(low, high)(random);
  };
  const int x = from(5, 10), y = from(5, 10), r = from(2, 4);
  Image image{};
  for (int i = 0; i < kPixels; ++i) {
    const int dx = i % kSide - x, dy = i / kSide - y;
    image[static_cast<std::size_t>(i)] = dx * dx + dy * dy <= r * r ? 255 : 0;
  }
  return image;
}

// The host's loop: one tick per millisecond, one sample per tick.
void work(Ring& samples, const Learner& learner, int count) {
  std::minstd_rand random(1);
  std::chrono::duration<double, std::milli> away{};
  Clock::time_point last = Clock::now();
  int dropped = 0;
  for (int i = 1; i <= count; ++i) {
    dropped += !samples.put(draw_disc(random));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const Clock::time_point now = Clock::now();
    away = std::max<decltype(away)>(away, now - last);
    last = now;
    if (i % 1000 != 0 && i != count) continue;
    const News news = learner.news();
    std::printf(
        "%d samples, %d dropped, %zu steps, loss %.1f; the host was "
        "away for %.1f ms at most\n",
        i, dropped, news.steps, news.last_loss, away.count());
  }
}

// Returns whether the loss has improved.
bool run(int count) {
  vae::Config config;
  config.height = config.width = kSide;
  config.latent = 4;
  config.layers = {8, 16, 16};
  config.max_batch = kBatch;
  config.threads = 1;  // leaves the other cores to the host

  Ring samples;
  Learner learner(vae::Trainer(config), samples);
  work(samples, learner, count);
  vae::Trainer trainer = learner.finish();
  const News news = learner.news();
  std::printf("loss %.1f at first, %.1f at last\n", news.first_loss,
              news.last_loss);
  const auto drawn = trainer.sample<std::uint8_t>({.count = 16});
  vae::write_grid("online.png", drawn, trainer.shape(), 4);
  return news.last_loss < news.first_loss;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    constexpr int least = 2 * kReport * kBatch;
    const int count = argc > 1 ? std::stoi(argv[1]) : 3000;
    if (argc > 2 || count < least) {
      std::fprintf(stderr, "usage: online [SAMPLES], at least %d\n", least);
      return 2;
    }
    return run(count) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "online: %s\n", error.what());
    return 1;
  }
}
