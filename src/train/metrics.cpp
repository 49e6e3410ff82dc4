// See metrics.hpp. The device adds up sums in double; only the host divides
// them by the number of images.
#include "train/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <gsl/gsl>

namespace vae::train {
namespace {

/// A unit whose mean varies less over the images carries no information
/// (Burda, Grosse & Salakhutdinov 2016, section 5.2).
constexpr double kActiveVariance = 0.01;

void add(std::vector<double>& to, const std::vector<double>& from) {
  std::transform(to.begin(), to.end(), from.begin(), to.begin(), std::plus<>());
}

/// [3, latent] -> KL, sum of means, sum of squared means, [latent] each
template <class Value>
void split(const Value* from, std::int64_t latent, Totals& to) {
  std::copy_n(from, latent, to.kl.begin());
  std::copy_n(from + latent, latent, to.mean.begin());
  std::copy_n(from + 2 * latent, latent, to.square.begin());
}

}  // namespace

Totals::Totals(std::int64_t latent)
    : kl(static_cast<std::size_t>(latent)), mean(kl), square(kl) {}

// engine::Sums consists of doubles, so it is added as an array.
Totals& Totals::operator+=(const Totals& other) {
  const auto values = [](const Totals& t) {
    std::vector<double> out(engine::kSumDoubles);
    std::memcpy(out.data(), &t.sums, sizeof t.sums);
    return out;
  };
  std::vector<double> mine = values(*this);
  add(mine, values(other));
  std::memcpy(&sums, mine.data(), sizeof sums);
  add(kl, other.kl);
  add(mean, other.mean);
  add(square, other.square);
  return *this;
}

// [kSumDoubles sums, KL [L], means [L], squares [L]] -> Totals
Totals totals_of_sums(const std::vector<double>& values, std::int64_t latent) {
  Totals totals(latent);
  std::memcpy(&totals.sums, values.data(), sizeof totals.sums);
  split(values.data() + engine::kSumDoubles, latent, totals);
  return totals;
}

// The reverse of totals_of_sums().
std::vector<double> sums_of_totals(const Totals& totals) {
  std::vector<double> values(engine::kSumDoubles);
  std::memcpy(values.data(), &totals.sums, sizeof totals.sums);
  for (const auto* part : {&totals.kl, &totals.mean, &totals.square})
    values.insert(values.end(), part->begin(), part->end());
  return values;
}

// [kTailFloats sums, KL [L], means [L], squares [L]] -> Totals. A tail does not
// count steps; the caller sets them.
template <class T>
Totals totals_of_tail(const std::vector<T>& values, std::int64_t latent) {
  engine::BasicTail<T> tail;
  std::memcpy(&tail, values.data(), sizeof tail);
  Totals totals(latent);
  totals.sums.loss = static_cast<double>(tail.loss);
  totals.sums.recon = static_cast<double>(tail.recon);
  totals.sums.kl = static_cast<double>(tail.kl);
  totals.sums.mse = static_cast<double>(tail.mse);
  totals.sums.images = static_cast<double>(tail.images);
  split(values.data() + engine::kTailFloats, latent, totals);
  return totals;
}
template Totals totals_of_tail(const std::vector<float>&, std::int64_t);
template Totals totals_of_tail(const std::vector<double>&, std::int64_t);

Report read_report(engine::Device& device, const engine::State& state,
                   const engine::Layout& layout, std::int64_t latent) {
  // Tail, sums and Control are in one allocation (allocate_state), in this
  // order.
  const auto* tail =
      reinterpret_cast<const std::byte*>(engine::tail_of(state, layout));
  const auto offset = [&](const engine::Buffer& buffer) {
    return static_cast<const std::byte*>(buffer.get()) - tail;
  };
  const std::int64_t sums = offset(state.sums);
  const std::int64_t control = offset(state.control);
  std::vector<std::byte> bytes(gsl::narrow<std::size_t>(control) +
                               sizeof(engine::Control));
  device.download(bytes.data(), tail, gsl::narrow<std::int64_t>(bytes.size()));
  const auto copy = [&](std::int64_t from, auto& to) {
    std::memcpy(to.data(), bytes.data() + from, to.size() * sizeof to[0]);
  };
  std::vector<float> batch(
      gsl::narrow<std::size_t>(engine::tail_floats(latent)));
  std::vector<double> totals(
      gsl::narrow<std::size_t>(engine::sum_doubles(latent)));
  copy(0, batch), copy(sums, totals);
  Report report{
      {}, totals_of_sums(totals, latent), totals_of_tail(batch, latent)};
  std::memcpy(&report.control, bytes.data() + control, sizeof report.control);
  return report;
}

// Means per image. Of no images the losses are 0, not NaN.
Metrics make_metrics(const Totals& totals, double seconds) {
  const engine::Sums& sums = totals.sums;
  Metrics metrics;
  metrics.steps = static_cast<std::uint64_t>(sums.steps);
  metrics.images = static_cast<std::uint64_t>(sums.images);
  metrics.skipped_steps = static_cast<std::uint64_t>(sums.skipped);
  metrics.nonfinite_steps = static_cast<std::uint64_t>(sums.nonfinite);
  metrics.seconds = seconds;
  metrics.kl_per_dim.assign(totals.kl.size(), 0.0);
  if (sums.images == 0) return metrics;
  metrics.loss = sums.loss / sums.images;
  metrics.reconstruction = sums.recon / sums.images;
  metrics.kl = sums.kl / sums.images;
  metrics.mse = sums.mse / sums.images;
  // Root mean square of the norm over committed steps.
  const double committed = sums.steps - sums.skipped;
  if (committed > 0)
    metrics.gradient_norm = std::sqrt(sums.gradient_square / committed);
  for (std::size_t i = 0; i < totals.kl.size(); ++i) {
    metrics.kl_per_dim[i] = totals.kl[i] / sums.images;
    // Variance over images of the unit's mean: E[mean^2] - E[mean]^2.
    const double mean = totals.mean[i] / sums.images;
    const double variance = totals.square[i] / sums.images - mean * mean;
    if (variance > kActiveVariance) ++metrics.active_units;
  }
  return metrics;
}

}  // namespace vae::train
