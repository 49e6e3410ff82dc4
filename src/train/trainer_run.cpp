// Whole epochs over a dataset: data order, smaller last batch, progress,
// cancellation, and continuing a stopped run.
#include <algorithm>
#include <gsl/gsl>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "data/images.hpp"
#include "train/trainer_impl.hpp"

namespace vae {
namespace {

/// Zeroes the running totals for the length of a run and adds the old ones back
/// on exit.
template <class Load, class Store>
class AsideSums {
 public:
  AsideSums(Load load, Store store, std::int64_t latent)
      : load_(load), store_(store), before_(load()) {
    store_(train::Totals(latent));
  }
  ~AsideSums() {
    try {
      if (!taken_) take();
    } catch (...) {  // the device and its sums are lost
    }
  }
  AsideSums(const AsideSums&) = delete;
  AsideSums& operator=(const AsideSums&) = delete;

  /// Ends the run and returns its totals.
  train::Totals take() {
    train::Totals run = load_();
    taken_ = true;
    before_ += run;
    store_(before_);
    return run;
  }

 private:
  Load load_;
  Store store_;
  train::Totals before_;
  bool taken_ = false;
};

/// Bytes are in range by their type; floats of a dataset were checked to be
/// finite only.
void check_values(const data::Images& images) {
  if (images.type != ElementType::float32) return;
  io::check_rows(
      {images.rows.data(), images.rows.size(), images.count, images.type},
      {"dataset", images.row_elements(), true, io::ValueRange::unit},
      DeviceKind::cpu);
}

Progress describe(const Metrics& metrics) {
  Progress progress;
  progress.images = metrics.images;
  progress.loss = metrics.loss;
  progress.reconstruction = metrics.reconstruction;
  progress.kl = metrics.kl;
  progress.seconds = metrics.seconds;
  return progress;
}

/// Calls the progress callback; throws if it asks to stop.
void report(const Run& run, const Progress& progress) {
  if (!run.progress) return;
  if (run.progress(progress)) return;
  fail(Status::cancelled, "stopped by the progress callback after step ",
       progress.step, " of ", progress.steps);
}

/// Whether the run reports progress before its end, which waits for the device.
bool reports(const Run& run) {
  return run.progress != nullptr && run.every_steps != 0;
}

/// Whether to report after `steps` steps of the run.
bool due(const Run& run, std::uint64_t steps) {
  return reports(run) && steps % run.every_steps == 0;
}

}  // namespace

void Trainer::Impl::check_cancel() const {
  require(!cancelled, Status::cancelled,
          "stopped, because cancel is set for this trainer");
}

void Trainer::Impl::check_run(const Dataset& dataset, const Run& run) const {
  const Shape& shape = dataset.shape();
  require(shape == Shape{config.channels, config.height, config.width},
          Status::argument, "the dataset has images of ", shape[0], " x ",
          shape[1], " x ", shape[2], "; this model takes ", config.channels,
          " x ", config.height, " x ", config.width);
  require(dataset.size() > 0, Status::argument, "the dataset is empty");
  require(run.batch_size <= config.max_batch, Status::argument,
          "batch_size is ", run.batch_size, "; allowed are 1 to ",
          config.max_batch, " (max_batch), or 0 for that");
}

// Uploads a dataset once, as long as it lives: each epoch then gathers its
// batches on the device.
Trainer::Impl::Resident& Trainer::Impl::resident(const Dataset& dataset) {
  std::erase_if(residents_,
                [](const Resident& r) { return r.owner.expired(); });
  const auto images = dataset.shared();
  const auto found =
      std::find_if(residents_.begin(), residents_.end(),
                   [&](const Resident& r) { return r.owner.lock() == images; });
  if (found != residents_.end()) return *found;
  if (config.likelihood == Likelihood::bernoulli) check_values(*images);
  Resident fresh{images, images->rows.data(), {}};
  if (config.device == DeviceKind::cuda) {
    const auto bytes = gsl::narrow<std::int64_t>(images->rows.size());
    fresh.copy = device_->allocate(bytes);
    device_->upload(fresh.copy.get(), images->rows.data(), bytes);
    fresh.rows = fresh.copy.get();
  }
  residents_.push_back(fresh);
  return residents_.back();
}

// An epoch in which no batch is large enough for BatchNorm would train nothing.
void Trainer::Impl::check_epoch(std::uint64_t batch,
                                std::uint64_t total) const {
  const auto fewest = gsl::narrow<std::uint64_t>(plan_.min_batch());
  require(std::min(batch, total) >= fewest, Status::argument, "batches of ",
          std::min(batch, total),
          " images are too small; this network's BatchNorm needs at least ",
          fewest);
}

// The main loop. Position counts images, so a stopped epoch can continue with
// another batch size.
void Trainer::Impl::train_rows(const Resident& rows, ElementType type,
                               const Order& order, std::uint64_t batch,
                               const Run& run,
                               const std::function<Progress()>& progress) {
  const auto fewest = gsl::narrow<std::uint64_t>(plan_.min_batch());
  std::uint64_t done = 0;
  while (position_ < order.count) {
    check_cancel();
    const std::uint64_t count = std::min(batch, order.count - position_);
    if (count < fewest) {  // too few for BatchNorm: leave them out
      position_ = order.count;
      return;
    }
    const int steps = steps_at_once(order, batch, run, done);
    run_steps({rows.rows, type, Layout::chw, engine::Place::resident, nullptr,
               0, gsl::narrow<std::int64_t>(count), nullptr},
              {step_, position_, order}, steps);
    const auto issued = static_cast<std::uint64_t>(steps);
    position_ += issued * count;
    done += issued;
    if (run.max_steps != 0 && done == run.max_steps) return;
    if (position_ < order.count && due(run, done)) report(run, progress());
  }
}

int Trainer::Impl::steps_at_once(const Order& order, std::uint64_t batch,
                                 const Run& run, std::uint64_t done) const {
  if (steps_are_known()) return 1;  // each is checked before the next
  const std::uint64_t whole = (order.count - position_) / batch;
  std::uint64_t most = config.graph_steps;
  if (run.max_steps != 0) most = std::min(most, run.max_steps - done);
  if (reports(run))
    most =
        std::min<std::uint64_t>(most, run.every_steps - done % run.every_steps);
  // Every step count needs its own CUDA graph, so issue graph_steps at once or
  // one.
  return whole >= config.graph_steps && most == config.graph_steps
             ? static_cast<int>(config.graph_steps)
             : 1;
}

// The metrics of this call alone come from zeroed sums; on exit, also by an
// exception, the previous sums are added back for read_metrics().
Metrics Trainer::Impl::train_epoch(const Dataset& dataset, const Run& run) {
  const train::Stopwatch watch;
  check_run(dataset, run);
  const std::uint64_t batch =
      run.batch_size ? run.batch_size : config.max_batch;
  const std::uint64_t total = dataset.size();
  check_epoch(batch, total);
  require(epoch_ < kLargestCount, Status::argument, "epoch is ", epoch_,
          "; epochs are counted to 2^53. Set a smaller one");
  const Resident rows = resident(dataset);
  if (position_ >= total)
    position_ = 0;  // this dataset is smaller than the last
  const auto reported = gsl::finally(
      [this, before = reported_nonfinite_] { reported_nonfinite_ += before; });
  AsideSums aside([this] { return read_report().totals; },
                  [this](const train::Totals& t) { upload_totals(t); },
                  plan_.latent);
  reported_nonfinite_ = 0;
  in_epoch_ = true;
  const auto finished = gsl::finally([&] {
    in_epoch_ = false;
    seconds_ += watch.seconds();
  });
  const auto progress = [&](const train::Totals& totals) {
    Progress p = describe(train::make_metrics(totals, watch.seconds()));
    p.epoch = epoch_;
    p.step = (position_ + batch - 1) / batch;
    p.steps = (total + batch - 1) / batch;
    return p;
  };
  train_rows(rows, dataset.type(), {config.seed, epoch_, total}, batch, run,
             [&] { return progress(read_report().totals); });
  const train::Totals totals = aside.take();
  const Metrics result = train::make_metrics(totals, watch.seconds());
  const Progress last = progress(totals);
  if (position_ >= total) {
    position_ = 0;
    ++epoch_;
  }
  report_late_failures(totals.sums);
  report(run, last);
  return result;
}

// In the dataset's order, without shuffling: noise is keyed by image index, so
// the batch size changes only rounding.
Metrics Trainer::Impl::evaluate(const Dataset& dataset, const Run& run) {
  const train::Stopwatch watch;
  check_run(dataset, run);
  const std::uint64_t total = dataset.size();
  const std::uint64_t batch =
      run.batch_size ? run.batch_size : config.max_batch;
  const Resident rows = resident(dataset);
  engine::Buffer sums;
  train::Totals totals(plan_.latent);
  Progress progress;
  std::uint64_t done = 0, steps = 0;
  while (done < total) {
    check_cancel();
    const std::uint64_t count = std::min(batch, total - done);
    totals += score_totals(
        {{rows.rows, dataset.type(), Layout::chw, engine::Place::resident,
          nullptr, done, gsl::narrow<std::int64_t>(count), nullptr},
         done},
        sums);
    done += count;
    ++steps;
    // The last report is below, after the loop.
    const bool last =
        done == total || (run.max_steps != 0 && steps == run.max_steps);
    progress = describe(train::make_metrics(totals, watch.seconds()));
    progress.training = false;
    progress.epoch = epoch_;
    progress.step = steps;
    progress.steps = (total + batch - 1) / batch;
    if (last) break;
    if (due(run, steps)) report(run, progress);
  }
  report(run, progress);
  Metrics metrics = train::make_metrics(totals, watch.seconds());
  metrics.gradient_norm = 0;
  return metrics;
}

}  // namespace vae
