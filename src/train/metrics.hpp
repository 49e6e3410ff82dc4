// Converts the device's sums to the means of Metrics.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/device.hpp"
#include "engine/state.hpp"
#include "vae/trainer.hpp"

namespace vae::train {

/// Sums of any number of batches, on the host, in double.
struct Totals {
  engine::Sums sums{};
  std::vector<double> kl, mean, square;  // [latent] each

  explicit Totals(std::int64_t latent);
  Totals& operator+=(const Totals& other);
};

/// From State::sums as downloaded: sum_doubles(latent) numbers.
Totals totals_of_sums(const std::vector<double>& values, std::int64_t latent);
std::vector<double> sums_of_totals(const Totals& totals);

/// From a Tail and what follows it, as a step leaves them in float and scoring
/// in double. T: float or double.
template <class T>
Totals totals_of_tail(const std::vector<T>& tail, std::int64_t latent);

/// Everything that the trainer reads from the device during training.
struct Report {
  engine::Control control;
  Totals totals;  // of the steps since State::sums was last cleared
  Totals batch;   // of the last step
};

/// Waits for the device and copies State once, from the tail on.
Report read_report(engine::Device& device, const engine::State& state,
                   const engine::Layout& layout, std::int64_t latent);

Metrics make_metrics(const Totals& totals, double seconds);

}  // namespace vae::train
