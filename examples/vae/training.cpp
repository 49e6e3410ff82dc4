// The loop around vae_train_epoch(). Exceptions must not cross the C callback,
// so they are stored and rethrown after the call.
#include "training.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include "interrupt.hpp"
#include "pictures.hpp"

namespace cli {

namespace {

constexpr std::chrono::seconds kFirstPictureAfter{3}, kPictureEvery{20};
constexpr std::uint64_t kPairs = 32;

std::string in_folder(const std::string& out, const std::string& name) {
  return (std::filesystem::path(out) / name).string();
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

double rate(std::uint64_t images, double seconds) {
  return static_cast<double>(images) / seconds;
}

}  // namespace

std::string model_file(const std::string& out) {
  return in_folder(out, "model.safetensors");
}

std::string checkpoint_file(const std::string& out) {
  return in_folder(out, "checkpoint.safetensors");
}

Training::Training(Job job, Report& report)
    : job_(std::move(job)),
      report_(report),
      config_(config_of(job_.trainer.get())),
      first_step_(counter(job_.trainer.get(), VAE_STEP)),
      steps_per_epoch_((job_.training.count + job_.batch_size - 1) /
                       job_.batch_size),
      epoch_(counter(job_.trainer.get(), VAE_EPOCH)),
      next_picture_(start_ + kFirstPictureAfter) {}

int Training::run() {
  try {
    train();
  } catch (const std::exception& error) {
    throw std::runtime_error(error.what() + keep_what_is_done());
  }
  return interrupted() ? kExitInterrupted : 0;
}

// The trained state is saved first, then metrics and pictures are computed.
void Training::train() {
  report_.start({job_.training.path, job_.training.count,
                 job_.test ? job_.test->count : 0, steps_per_epoch_,
                 job_.epochs, epoch_, first_step_, config_});
  if (!drawable(job_.training.shape)) {
    report_.warning(job_.training.path +
                    ": no pictures are drawn; its images " + "have " +
                    std::to_string(job_.training.shape[0]) +
                    " channels, and only 1 (grey) or 3 (red, green, blue) can "
                    "be drawn");
  }
  while (epoch_ < job_.epochs && !interrupted() && train_one_epoch()) {
    if (epoch_ % job_.save_every == 0 || epoch_ == job_.epochs) save();
    if (!evaluate(epoch_)) break;
    draw_epoch(epoch_);
  }
  if (!everything_saved()) save();
  draw_end();
  report_.done({.epochs = epoch_,
                .steps = steps_done(),
                .seconds = seconds_since(start_),
                .interrupted = interrupted(),
                .complete = epoch_ >= job_.epochs,
                .model = model_file(job_.out),
                .checkpoint = checkpoint_file(job_.out),
                .resume = job_.resume});
}

// Saves unless already saved; returns the outcome for the error's text.
std::string Training::keep_what_is_done() noexcept try {
  const std::uint64_t step = steps_done();
  if (step == first_step_) return "";
  std::string why;
  if (!everything_saved() && !saving_) {
    try {
      save();
    } catch (const std::exception& error) {
      why = std::string(": ") + error.what();
    }
  }
  if (everything_saved()) {
    return "; all until step " + std::to_string(step) +
           " is saved, to resume: " + job_.resume;
  }
  if (!checkpoint_step_) return "; nothing is saved" + why;
  return "; saved is step " + std::to_string(*checkpoint_step_) + ", not " +
         std::to_string(step) + why;
} catch (...) {
  return "";  // the device or memory is lost; the first error is reported
}

bool Training::train_one_epoch() {
  vae_run run = new_run();
  if (job_.max_steps > 0) {
    const std::uint64_t done = steps_done() - first_step_;
    if (done >= job_.max_steps) return false;
    run.max_steps = job_.max_steps - done;
  }
  reported_loss_sum_ = 0;
  images_told_ = 0;
  vae_metrics metrics = vae_no_metrics();
  if (!call(vae_train_epoch(job_.trainer.get(), job_.training.set.get(), &run,
                            &metrics))) {
    return false;
  }
  const std::uint64_t now = counter(job_.trainer.get(), VAE_EPOCH);
  if (now == epoch_) return false;  // max_steps
  epoch_ = now;
  last_pace_.images_per_second = rate(metrics.images, metrics.seconds);
  report_.epoch(last_pace_, metrics);
  return true;
}

bool Training::evaluate(std::uint64_t epoch) {
  if (!job_.test) return true;
  const vae_run run = new_run();
  vae_metrics metrics = vae_no_metrics();
  if (!call(vae_evaluate(job_.trainer.get(), job_.test->set.get(), &run,
                         &metrics))) {
    return false;
  }
  report_.eval(epoch, metrics);
  return true;
}

vae_run Training::new_run() {
  vae_run run = vae_default_run();
  run.batch_size = job_.batch_size;
  // Each report makes a GPU wait, so there Ctrl-C is checked less often.
  run.every_steps =
      config_.device == VAE_CUDA ? std::max(job_.log_every, 10U) : 1;
  run.progress = on_progress;
  run.user = this;
  return run;
}

bool Training::call(vae_status status) {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  if (status == VAE_E_CANCELLED && interrupted()) return false;
  check(status);
  return true;
}

std::int32_t Training::on_progress(const vae_progress* progress, void* self) {
  auto& training = *static_cast<Training*>(self);
  try {
    if (progress->phase == VAE_PHASE_TRAIN) training.progress(*progress);
  } catch (...) {
    training.failure_ = std::current_exception();
  }
  return training.failure_ || interrupted() ? 1 : 0;
}

void Training::progress(const vae_progress& now) {
  const bool last = now.step == now.steps;
  if (now.step % job_.log_every == 0 || last) report_.step(pace_at(now));
  if (Clock::now() < next_picture_ || last) return;
  draw_epoch(now.epoch + 1);
}

Pace Training::pace_at(const vae_progress& now) {
  const auto images = static_cast<double>(now.images);
  const double fresh = static_cast<double>(now.images - images_told_);
  const double sum = now.loss * images;
  const double speed = rate(now.images, now.seconds);
  const auto steps_left =
      now.steps - now.step + (job_.epochs - now.epoch - 1) * steps_per_epoch_;
  last_pace_ = {
      .epoch = now.epoch + 1,
      .epochs = job_.epochs,
      .step = now.step,
      .steps = now.steps,
      .loss = fresh > 0 ? (sum - reported_loss_sum_) / fresh : now.loss,
      .mean_loss = now.loss,
      .reconstruction = now.reconstruction,
      .kl = now.kl,
      .images_per_second = speed,
      .seconds_left = static_cast<double>(steps_left * job_.batch_size) / speed,
      .seconds = seconds_since(start_),
  };
  reported_loss_sum_ = sum;
  images_told_ = now.images;
  return last_pace_;
}

// A picture that fails does not end a run.
template <class Draw>
void Training::picture(const std::string& what, const std::string& name,
                       Draw draw) {
  if (!drawable(job_.training.shape)) return;
  const std::string path = in_folder(job_.out, name);
  try {
    draw(path);
  } catch (const std::exception& error) {
    if (error.what() == last_warning_) return;  // warns once
    last_warning_ = error.what();
    report_.warning(path + " was not drawn: " + last_warning_);
    return;
  }
  report_.saved(what, path);
}

// The same codes in every epoch, so that the pictures can be compared.
void Training::draw_epoch(std::uint64_t epoch) {
  next_picture_ = Clock::now() + kPictureEvery;
  picture("samples", "sample_" + std::to_string(epoch) + ".png",
          [this](const std::string& path) {
            draw_samples(job_.trainer.get(), vae_draw(64, config_.seed), 8,
                         path);
          });
}

void Training::draw_end() {
  if (interrupted()) return;
  if (epoch_ < job_.epochs) draw_epoch(epoch_ + 1);
  picture("reconstruction", "reconstruction.png",
          [this](const std::string& path) {
            const Images& images = job_.test ? *job_.test : job_.training;
            draw_reconstructions(job_.trainer.get(), images, 0,
                                 std::min(kPairs, images.count), 4, path);
          });
}

void Training::save() {
  const std::string checkpoint = checkpoint_file(job_.out);
  const std::string model = model_file(job_.out);
  saving_ = true;
  check(vae_save(job_.trainer.get(), checkpoint.c_str(), VAE_SAVE_CHECKPOINT));
  checkpoint_step_ = steps_done();
  check(vae_save(job_.trainer.get(), model.c_str(), VAE_SAVE_MODEL));
  saving_ = false;
  report_.saved("checkpoint", checkpoint);
  report_.saved("model", model);
}

bool Training::everything_saved() const {
  return checkpoint_step_ == steps_done();
}

std::uint64_t Training::steps_done() const {
  return counter(job_.trainer.get(), VAE_STEP);
}

}  // namespace cli
