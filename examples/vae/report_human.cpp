// The report for people: results on standard output, progress on standard
// error, as a bar on a terminal and otherwise as lines.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "interrupt.hpp"
#include "report.hpp"

namespace cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBarEvery{100}, kLineEvery{10'000};
// The first line comes early, to show that training runs.
constexpr std::chrono::milliseconds kFirstLineAfter{2'000};

std::size_t terminal_width() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;
  return known && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(double done, int width) {
  const int full = static_cast<int>(done * width);
  std::string text(static_cast<std::size_t>(width), ' ');
  std::fill_n(text.begin(), std::clamp(full, 0, width), '=');
  return "[" + text + "]";
}

class HumanReport final : public Report {
 public:
  void start(const Plan& plan) override {
    config_ = plan.config;
    epochs_ = plan.epochs;
    if (!terminal_) next_ = Clock::now() + kFirstLineAfter;
    say(format("%s: %llu images of %s for training, %llu for testing",
               plan.data.c_str(), as_ull(plan.images),
               to_string(shape_of(plan.config)).c_str(),
               as_ull(plan.test_images)));
    if (plan.step > 0) {
      say(format("resuming after epoch %llu, step %llu", as_ull(plan.epoch),
                 as_ull(plan.step)));
    }
  }

  void step(const Pace& pace) override {
    const auto now = Clock::now();
    if (now < next_) return;
    next_ = now + (terminal_ ? kBarEvery : kLineEvery);
    const double done =
        static_cast<double>(pace.step) / static_cast<double>(pace.steps);
    std::string text =
        format("epoch %llu/%llu %s%3.0f%%  %.0f images/s  %s left  loss %.2f",
               as_ull(pace.epoch), as_ull(pace.epochs),
               terminal_ ? bar(done, 20).c_str() : "", 100 * done,
               pace.images_per_second, clock_text(pace.seconds_left).c_str(),
               pace.loss);
    if (terminal_) {
      text.resize(std::min(text.size(), terminal_width() - 1));
      std::fprintf(stderr, "\r\033[K%s", text.c_str());
      bar_shown_ = true;
    } else {
      std::fprintf(stderr, "%s\n", text.c_str());
    }
    std::fflush(stderr);
  }

  void epoch(const Pace& pace, const vae_metrics& metrics) override {
    say(
        format("epoch %llu/%llu: loss %.3f (reconstruction %.3f, KL %.3f), "
               "%s, %.0f images/s",
               as_ull(pace.epoch), as_ull(pace.epochs), metrics.loss,
               metrics.reconstruction, metrics.kl,
               clock_text(metrics.seconds).c_str(), pace.images_per_second));
  }

  void eval(std::uint64_t epoch, const vae_metrics& metrics) override {
    say(
        format("epoch %llu/%llu: test %s %.3f (reconstruction %.3f, KL %.3f), "
               "MSE %.5f, %u of %u units active",
               as_ull(epoch), as_ull(epochs_), loss_name(config_),
               metrics.reconstruction + metrics.kl, metrics.reconstruction,
               metrics.kl, metrics.mse, metrics.active_units, config_.latent));
  }

  // Not for every epoch; done() names the last files.
  void saved(const std::string& what, const std::string& path) override {
    if (what != "samples" && what != "reconstruction") return;
    if (path == last_picture_) return;
    last_picture_ = path;
    say("picture: " + path);
  }

  void warning(const std::string& text) override {
    end_bar();
    complain("warning: " + text);
  }

  void done(const Ending& ending) override {
    if (ending.interrupted) {
      end_bar();
      std::fprintf(stderr, "interrupted after step %llu; everything is saved\n",
                   as_ull(ending.steps));
    }
    say("model: " + ending.model);
    say("checkpoint: " + ending.checkpoint);
    if (!ending.complete) say("to resume: " + ending.resume);
  }

 private:
  static unsigned long long as_ull(std::uint64_t value) { return value; }

  void end_bar() {
    if (bar_shown_) std::fputs("\r\033[K", stderr);
    bar_shown_ = false;
    std::fflush(stderr);
  }

  void say(const std::string& text) {
    end_bar();
    tell(text + "\n");
  }

  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  bool bar_shown_ = false;
  Clock::time_point next_{};
  vae_config config_{};
  std::uint64_t epochs_ = 0;
  std::string last_picture_;
};

}  // namespace

std::unique_ptr<Report> human_report() {
  return std::make_unique<HumanReport>();
}

const char* loss_name(const vae_config& config) {
  return config.likelihood == VAE_BERNOULLI ? "soft loss" : "loss";
}

void tell(const std::string& text) {
  try {
    print(text);
  } catch (const OutputFailure& failure) {
    if (failure.error() == EPIPE) interrupt();
    if (!interrupted()) throw;
  }
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole >= 3600) {
    return format("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60,
                  whole % 60);
  }
  return format("%lld:%02lld", whole / 60, whole % 60);
}

}  // namespace cli
