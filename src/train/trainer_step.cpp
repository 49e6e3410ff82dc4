// One step at a time: training, evaluation, and the metrics of both. On the CPU
// a step is done when its call returns. On a GPU it is only issued, so its
// failure is found by the next call that waits ("late").
#include <gsl/gsl>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "engine/operations.hpp"
#include "train/steps.hpp"
#include "train/trainer_impl.hpp"

namespace vae {

io::RowRule Trainer::Impl::image_rule() const {
  return {"images", static_cast<std::uint64_t>(plan_.image.size()), true,
          config.likelihood == Likelihood::bernoulli ? io::ValueRange::unit
                                                     : io::ValueRange::finite};
}

// The caller's rows as the engine's.
engine::RowSource Trainer::Impl::source(const Batch& rows) const {
  engine::RowSource source;
  source.data = rows.data;
  source.type = rows.type;
  source.layout = rows.layout;
  source.place = place_of(rows.device);
  source.count = gsl::narrow<std::int64_t>(rows.count);
  source.stream = rows.stream;
  return source;
}

// images [B, C, H, W] -> one commit
void Trainer::Impl::train_step(const Batch& images, Metrics* metrics) {
  const train::Stopwatch watch;
  io::check_rows(images, image_rule(), config.device);
  require(images.count <= config.max_batch, Status::argument,
          "images: count is ", images.count, "; training takes at most ",
          config.max_batch, " (max_batch of the configuration)");
  const std::int64_t fewest = plan_.min_batch();
  require(std::cmp_greater_equal(images.count, fewest), Status::argument,
          "images: count is ", images.count, "; this network's BatchNorm needs",
          " at least ", fewest, " in training");
  const auto timed = gsl::finally([&] { seconds_ += watch.seconds(); });
  run_steps(source(images), {step_, 0, {}}, 1);
  if (metrics == nullptr) return;
  const train::Report report = read_report();
  if (!steps_are_known()) {
    refuse_skipped(report.control);
    report_late_failures(report.totals.sums);
  }
  *metrics = last_step_metrics(report, watch.seconds());
}

// The cursor on the device advances with every commit. It is written only if it
// is not where the next step needs it.
void Trainer::Impl::run_steps(const engine::RowSource& rows,
                              const engine::Cursor& cursor, int steps) {
  const auto issued = static_cast<std::uint64_t>(steps);
  require(step_ + issued <= kLargestCount, Status::argument, "step is ", step_,
          "; steps are counted to 2^53. Set a smaller one");
  if (device_cursor_ != cursor) engine_->seek(cursor);
  device_cursor_.reset();  // unknown if this fails
  train::take_steps(*engine_, {rows, 0}, steps,
                    steps_are_known() ? &health : nullptr);
  last_batch_ = static_cast<float>(rows.count);
  step_ += issued;
  device_cursor_ = cursor;
  device_cursor_->step += issued;
  if (cursor.order.count != 0)
    device_cursor_->position += issued * static_cast<std::uint64_t>(rows.count);
  if (steps_are_known()) refuse_skipped(read_control());
}

train::Report Trainer::Impl::read_report() {
  return train::read_report(*device_, state_, engine_->layout(), plan_.latent);
}

// The commit skipped the last step, because a value was not finite.
void Trainer::Impl::refuse_skipped(const engine::Control& control) {
  if (config.nonfinite != NonFinite::error || control.skip == 0) return;
  --step_;  // a failed step does not count as issued
  reported_nonfinite_ += 1;
  refuse_nonfinite(step_);
}

void Trainer::Impl::refuse_nonfinite(std::uint64_t step) const {
  fail(Status::nonfinite, "step ", step,
       ": the loss, its gradient or a statistic of BatchNorm is not finite; "
       "nothing was changed. A smaller learning rate (now ",
       config.learning_rate, ") or clip_norm may help");
}

// Counts of failed steps only grow, so comparing them finds new failures.
void Trainer::Impl::report_late_failures(const engine::Sums& sums) {
  const bool fresh = sums.nonfinite > reported_nonfinite_;
  reported_nonfinite_ = sums.nonfinite;
  if (fresh && config.nonfinite == NonFinite::error) refuse_nonfinite(step_);
}

// The sums that the next commit adds to.
void Trainer::Impl::upload_totals(const train::Totals& totals) {
  const std::vector<double> values = train::sums_of_totals(totals);
  device_->upload(state_.sums.get(), values.data(),
                  gsl::narrow<std::int64_t>(values.size() * sizeof(double)));
}

// A skipped step has no metrics but its counts.
Metrics Trainer::Impl::last_step_metrics(const train::Report& report,
                                         double seconds) const {
  train::Totals totals = report.batch;
  if (report.control.skip != 0) {
    totals = train::Totals(plan_.latent);
    totals.sums.skipped = totals.sums.nonfinite = 1;
  } else {
    totals.sums.gradient_square = report.control.gradient_square;
  }
  totals.sums.steps = 1;
  return train::make_metrics(totals, seconds);
}

Metrics Trainer::Impl::read_metrics() {
  const train::Totals totals = read_report().totals;
  report_late_failures(totals.sums);  // throws once; keeps the sums
  const Metrics metrics = train::make_metrics(totals, seconds_);
  upload_totals(train::Totals(plan_.latent));
  seconds_ = 0;
  reported_nonfinite_ = 0;
  return metrics;
}

void Trainer::Impl::synchronize() {
  device_->wait();
  report_late_failures(read_report().totals.sums);
}

// images [B, C, H, W] -> sums over the batch
train::Totals Trainer::Impl::score_totals(const engine::Input& input,
                                          engine::Buffer& sums) {
  std::vector<double> values(
      gsl::narrow<std::size_t>(engine::tail_floats(plan_.latent)));
  const auto bytes = gsl::narrow<std::int64_t>(values.size() * sizeof(double));
  if (sums == nullptr)
    sums = device_->allocate(bytes);  // zeroed
  else
    device_->clear(sums.get(), bytes);
  engine_->score(input, {nullptr, nullptr, static_cast<double*>(sums.get())});
  device_->download(values.data(), sums.get(), bytes);
  train::Totals totals = train::totals_of_tail(values, plan_.latent);
  totals.sums.steps = 1;
  // The device has the weight that the warm-up has reached; an evaluation's
  // loss is comparable only with the full one.
  if (config.kl_warmup_updates != 0)
    totals.sums.loss = totals.sums.recon + config.kl_weight * totals.sums.kl;
  return totals;
}

Metrics Trainer::Impl::eval_step(const Batch& images) {
  const train::Stopwatch watch;
  io::check_rows(images, image_rule(), config.device);
  engine::Buffer sums;
  const train::Totals totals = score_totals({source(images), 0}, sums);
  Metrics metrics = train::make_metrics(totals, watch.seconds());
  metrics.gradient_norm = 0;
  return metrics;
}

// images [B, C, H, W] -> -log p(x|z) [B], KL [B]
void Trainer::Impl::score(const Batch& images, Output* reconstruction,
                          Output* kl) {
  io::check_rows(images, image_rule(), config.device);
  require(reconstruction != nullptr || kl != nullptr, Status::argument,
          "score: both outputs are null; at least one is needed");
  const io::RowRule rule{"scores", 1, false, io::ValueRange::finite};
  const std::int64_t count = gsl::narrow<std::int64_t>(images.count);
  const std::int64_t bytes = count * std::int64_t{sizeof(float)};
  // The engine writes to device memory; store_columns() then copies to the
  // caller's, in host or device memory.
  engine::Buffer rows[2];
  Output* outputs[2] = {reconstruction, kl};
  for (Output* output : outputs)
    if (output != nullptr)
      io::check_output(*output, rule, images.count, config.device);
  for (int i = 0; i < 2; ++i)
    if (outputs[i] != nullptr) rows[i] = device_->allocate(bytes);
  engine_->score({source(images), 0},
                 {engine::floats(rows[0]), engine::floats(rows[1]), nullptr});
  for (int i = 0; i < 2; ++i) {
    if (outputs[i] == nullptr) continue;
    device_->operations().store_columns(engine::floats(rows[i]), 1, 0, 1,
                                        target(*outputs[i], images.count));
    outputs[i]->written = gsl::narrow<std::uint64_t>(bytes);
  }
}

}  // namespace vae
