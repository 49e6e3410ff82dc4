// The implementation of Trainer: a plan, a device, an engine, and the State
// that they share. Several .cpp files implement it, one per group of calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/engine.hpp"
#include "io/rows.hpp"
#include "io/safetensors.hpp"
#include "model/plan.hpp"
#include "train/health.hpp"
#include "train/metrics.hpp"
#include "vae/trainer.hpp"

namespace vae {

class Trainer::Impl {
 public:
  explicit Impl(const Config& requested);

  // Step by step (trainer_step.cpp).
  void train_step(const Batch& images, Metrics* metrics);
  Metrics eval_step(const Batch& images);
  void score(const Batch& images, Output* reconstruction, Output* kl);
  Metrics read_metrics();
  void synchronize();

  // Generation (trainer_generate.cpp).
  void encode(const Batch& images, Output* mean, Output* logvar);
  void decode(const Batch& codes, Output& images);
  void sample(const Sampling& sampling, Output& images);
  void reconstruct(const Batch& images, Output& output);

  // Whole epochs (trainer_run.cpp).
  Metrics train_epoch(const Dataset& dataset, const Run& run);
  Metrics evaluate(const Dataset& dataset, const Run& run);

  // Files (checkpoint.cpp).
  static std::unique_ptr<Impl> open(std::span<const std::byte> bytes,
                                    const Config* given,
                                    const std::string& origin);
  io::TensorFile to_file(SaveWhat what);
  void from_file(const io::TensorFile& file, const std::string& origin);

  // Parameters and settings (trainer_params.cpp).
  void read_param(const std::string& name, ParamWhat what,
                  std::span<std::byte> data);
  void write_param(const std::string& name, ParamWhat what,
                   std::span<const std::byte> data);
  void set(Key key, double value);
  double get(Key key);
  std::string diagnose() const;

  std::vector<ParamInfo> infos;
  train::Health health;
  std::atomic<bool> cancelled{false};
  Config config;  // in use: device and threads resolved

 private:
  friend class Trainer;
  struct Resident {  // a dataset's rows on the training device
    std::weak_ptr<const data::Images> owner;
    const void* rows;
    engine::Buffer copy;  // empty on the CPU
  };

  static engine::Place place_of(DeviceKind where) {
    return where == DeviceKind::cuda ? engine::Place::callers_device
                                     : engine::Place::host;
  }

  io::RowRule image_rule() const;
  io::RowRule code_rule() const;
  engine::RowSource source(const Batch& rows) const;
  engine::RowTarget target(const Output& to, std::uint64_t count) const;

  engine::Control read_control();
  /// Writes the configuration's part of Control.
  void write_settings();
  void write_updates(std::uint64_t updates);
  void initialise();

  /// `steps` steps from `cursor` on, each of as many images as `rows` has. Does
  /// not wait for a GPU; on the CPU, throws if the step was not finite.
  void run_steps(const engine::RowSource& rows, const engine::Cursor& cursor,
                 int steps);
  train::Report read_report();
  /// Throws if the last step was not finite (NonFinite::error).
  void refuse_skipped(const engine::Control& control);
  bool steps_are_known() const { return config.device == DeviceKind::cpu; }
  [[noreturn]] void refuse_nonfinite(std::uint64_t step) const;
  /// Throws if a step since the last check was not finite (NonFinite::error).
  void report_late_failures(const engine::Sums& sums);
  void upload_totals(const train::Totals& totals);
  /// Sums over a batch by the running statistics. `sums` is device memory that
  /// the caller keeps for the next batch; empty at first.
  train::Totals score_totals(const engine::Input& input, engine::Buffer& sums);
  Metrics last_step_metrics(const train::Report& report, double seconds) const;

  Resident& resident(const Dataset& dataset);
  void check_run(const Dataset& dataset, const Run& run) const;
  void check_epoch(std::uint64_t batch, std::uint64_t total) const;
  /// Trains from position_ to the end of the epoch or max_steps.
  void train_rows(const Resident& rows, ElementType type, const Order& order,
                  std::uint64_t batch, const Run& run,
                  const std::function<Progress()>& progress);
  /// Number of whole batches that can be issued at once, before the run ends or
  /// reports progress.
  int steps_at_once(const Order& order, std::uint64_t batch, const Run& run,
                    std::uint64_t done) const;
  void check_cancel() const;

  /// The flat buffer and segment of a named tensor.
  struct Place {
    const engine::Segment* segment;
    float* buffer;
    std::size_t bytes;  // of the tensor
  };
  Place place(const std::string& name, ParamWhat what);

  Config requested_;  // as requested; written to files
  model::Plan plan_;
  std::unique_ptr<engine::Device> device_;
  std::unique_ptr<engine::Engine> engine_;
  engine::State state_;
  /// The device's cursor, if known.
  std::optional<engine::Cursor> device_cursor_;
  std::uint64_t step_ = 0;      // issued; part of the noise's key
  std::uint64_t epoch_ = 0;     // finished; part of the data order's key
  std::uint64_t position_ = 0;  // images of the current epoch already trained
  bool in_epoch_ = false;       // inside train_epoch, callbacks included
  float last_batch_ = 1;        // images of the last step
  double seconds_ = 0;          // of training, since the metrics were read
  double reported_nonfinite_ = 0;
  std::vector<Resident> residents_;
};

namespace train {

/// Measures seconds since its construction.
class Stopwatch {
 public:
  Stopwatch();
  double seconds() const;

 private:
  double start_;
};

}  // namespace train
}  // namespace vae
