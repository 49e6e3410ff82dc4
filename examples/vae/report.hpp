// Reports the progress of a training run, for people (a progress bar, or lines
// if there is no terminal) or for programs (JSON lines).
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "handles.hpp"
#include "output.hpp"

namespace cli {

/// The start of a run.
struct Plan {
  std::string data;
  std::uint64_t images = 0, test_images = 0, steps_per_epoch = 0;
  std::uint64_t epochs = 0;           // in total
  std::uint64_t epoch = 0, step = 0;  // already done, by a resumed run
  vae_config config{};
};

/// Progress of training.
struct Pace {
  std::uint64_t epoch = 0, epochs = 0;               // the current one, from 1
  std::uint64_t step = 0, steps = 0;                 // of this epoch
  double loss = 0;                                   // since the last report
  double mean_loss = 0, reconstruction = 0, kl = 0;  // since the epoch began
  double images_per_second = 0;                      // the same
  double seconds_left = 0, seconds = 0;  // of the whole run: left, elapsed
};

/// The end of a run.
struct Ending {
  std::uint64_t epochs = 0, steps = 0;  // done in total
  double seconds = 0;
  bool interrupted = false, complete = false;
  std::string model, checkpoint, resume;  // files, and the command to resume
};

class Report {
 public:
  virtual ~Report() = default;
  virtual void start(const Plan& plan) = 0;
  virtual void step(const Pace& pace) = 0;
  virtual void epoch(const Pace& pace, const vae_metrics& metrics) = 0;
  /// Metrics of the test set after `epoch` epochs.
  virtual void eval(std::uint64_t epoch, const vae_metrics& metrics) = 0;
  virtual void saved(const std::string& what, const std::string& path) = 0;
  /// A problem that does not end the run.
  virtual void warning(const std::string& text) = 0;
  virtual void done(const Ending& ending) = 0;
};

std::unique_ptr<Report> human_report();
std::unique_ptr<Report> json_report();

/// Metrics of an evaluation as JSON. "soft_loss" is reconstruction + KL with
/// grey pixels as Bernoulli targets; null for another likelihood.
nlohmann::ordered_json evaluation_json(const vae_metrics& metrics,
                                       const vae_config& config);

/// print() for reports. If the reader has closed the output, the run is
/// interrupted; output of an interrupted run may fail, because its terminal may
/// be closed.
void tell(const std::string& text);

/// 83 -> "1:23".
std::string clock_text(double seconds);

/// The name of the loss under this likelihood.
const char* loss_name(const vae_config& config);

}  // namespace cli
