// The run of `vae train`: epochs, evaluation, pictures and files, until it is
// complete or interrupted.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "handles.hpp"
#include "report.hpp"

namespace cli {

/// The parameters of a run.
struct Job {
  Trainer trainer;
  Images training;
  std::optional<Images> test;
  std::uint64_t epochs = 14;  // in total, including those of a resumed run
  std::uint64_t batch_size = 64;
  std::uint64_t max_steps = 0;   // of this run; 0: no limit
  std::uint64_t save_every = 1;  // epochs
  std::uint32_t log_every = 10;  // steps
  std::string out;               // an existing folder
  std::string resume;            // the command that resumes the run
};

/// Files of a run in its folder.
std::string model_file(const std::string& out);
std::string checkpoint_file(const std::string& out);

class Training {
 public:
  Training(Job job, Report& report);
  /// Trains; the exit code is 0 or kExitInterrupted. Before it throws Failure,
  /// it saves the trained state; the text names the file.
  int run();

 private:
  using Clock = std::chrono::steady_clock;

  void train();
  std::string keep_what_is_done() noexcept;
  static std::int32_t on_progress(const vae_progress* progress, void* self);
  bool call(vae_status status);  // false: interrupted
  bool train_one_epoch();        // false: stopped before its end
  bool evaluate(std::uint64_t epoch);
  void progress(const vae_progress& now);
  template <class Draw>
  void picture(const std::string& what, const std::string& name, Draw draw);
  void draw_epoch(std::uint64_t epoch);
  void draw_end();
  void save();
  bool everything_saved() const;
  Pace pace_at(const vae_progress& now);
  vae_run new_run();
  std::uint64_t steps_done() const;

  Job job_;
  Report& report_;
  const vae_config config_;
  const std::uint64_t first_step_, steps_per_epoch_;
  std::uint64_t epoch_;           // epochs finished
  double reported_loss_sum_ = 0;  // of the epoch, at the last report
  std::uint64_t images_told_ = 0;
  Pace last_pace_;
  std::optional<std::uint64_t> checkpoint_step_;  // of the file in the folder
  bool saving_ = false;  // a save failed, so it is not tried again
  std::string last_warning_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_picture_;
  std::exception_ptr failure_;  // thrown inside the callback
};

}  // namespace cli
