// The commit on the CPU: Adam, running statistics and sums, the same for any
// number of threads. A skipped commit changes only the counts.
#include <cmath>
#include <limits>

#include "unit/device_cpu_support.hpp"

namespace vae::engine {
namespace {

/// A State of two Adam chunks and a rest, with values everywhere.
struct Run {
  Layout layout;
  State state;
};

constexpr std::int64_t kParams = 2 * 16384 + 64, kRunning = 64;

Run make_run(Device& device) {
  Run run;
  run.layout.param_floats = kParams;
  run.layout.running_floats = kRunning;
  const auto filled = [&](const std::vector<float>& values) {
    const auto bytes = static_cast<std::int64_t>(values.size() * 4);
    Buffer buffer = device.allocate(bytes);
    device.upload(buffer.get(), values.data(), bytes);
    return buffer;
  };
  State& state = run.state;
  state.param = filled(normals(kParams, 20));
  state.moment1 = filled(normals(kParams, 21));
  auto squares = normals(kParams, 22);
  for (float& value : squares) value *= value;
  state.moment2 = filled(squares);
  auto reduced = normals(kParams + kRunning + tail_floats(kLatent), 23);
  const Tail tail{10, 7, 3, 2, 4, 0};
  std::memcpy(reduced.data() + kParams + kRunning, &tail, sizeof tail);
  state.reduced = filled(reduced);
  state.running = filled(normals(kRunning, 24));
  state.sums = device.allocate(sum_doubles(kLatent) * 8);
  state.control = device.allocate(sizeof(Control));
  auto* control = static_cast<Control*>(state.control.get());
  *control = {};
  control->learning_rate = 0.01;
  control->beta1 = 0.9;
  control->beta2 = 0.99;
  control->epsilon = 1e-8;
  control->weight_decay = 0.1;
  control->clip_norm = 20;
  control->mean_gradient = 1;
  control->updates = 6;
  return run;
}

std::vector<float> values_of(const Buffer& buffer, std::int64_t count) {
  return {floats(buffer), floats(buffer) + count};
}

/// Parameters, moments and statistics.
std::vector<float> kept(const Run& run) {
  std::vector<float> all = values_of(run.state.param, kParams);
  append(all, values_of(run.state.moment1, kParams));
  append(all, values_of(run.state.moment2, kParams));
  append(all, values_of(run.state.running, kRunning));
  return all;
}

TEST_CASE("a commit is Adam's formula on the scaled, clipped gradient") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  const auto before = kept(run);
  const auto reduced = values_of(run.state.reduced, kParams + kRunning);
  device->operations().commit({run.state, run.layout, kLatent});
  double square = 0;
  for (std::size_t i = 0; i < kParams; ++i)
    square += double{reduced[i]} * double{reduced[i]} / 16;
  const double norm = std::sqrt(square);
  REQUIRE(norm > 20);  // so that it is clipped
  const double t = 7, scale = 0.25 * 20 / norm;
  const double first = 1 - std::pow(0.9, t), second = 1 - std::pow(0.99, t);
  double worst = 0;
  const auto after = kept(run);
  for (std::size_t i = 0; i < kParams; ++i) {
    const double p = before[i];
    const double g = reduced[i] * scale + 0.1 * p;
    const double m = 0.9 * before[kParams + i] + 0.1 * g;
    const double v = 0.99 * before[2 * kParams + i] + 0.01 * g * g;
    const double step = 0.01 / first * m / (std::sqrt(v / second) + 1e-8);
    worst = std::max(worst, std::abs(after[i] - (p - step)) /
                                (std::abs(p) + std::abs(step)));
    worst = std::max(
        worst, std::abs(after[kParams + i] - m) / (std::abs(m) + std::abs(g)));
    worst = std::max(worst, std::abs(after[2 * kParams + i] - v) / v);
  }
  CHECK_LE(worst, 1e-6);  // some eight float roundings of 6e-8
  for (std::size_t i = 0; i < kRunning; ++i) {
    const double old = before[3 * kParams + i];
    const double batch = double{reduced[kParams + i]} / 4;
    CHECK_LE(std::abs(after[3 * kParams + i] - (0.9 * old + 0.1 * batch)),
             2e-7 * (std::abs(old) + std::abs(batch)));
  }
  const auto* control = static_cast<const Control*>(run.state.control.get());
  CHECK_EQ(control->updates, 7);
  CHECK_EQ(control->gradient_square, doctest::Approx(square).epsilon(1e-12));
}

TEST_CASE("a commit is the same on any number of threads") {
  on_any_threads([](Device& device) {
    Run run = make_run(device);
    device.operations().commit({run.state, run.layout, kLatent});
    auto all = kept(run);
    const std::int64_t sums = 2 * sum_doubles(kLatent);
    append(all, values_of(run.state.sums, sums));
    return all;
  });
}

TEST_CASE("a commit that is not finite changes nothing and is counted") {
  const auto device = make_cpu_device(2);
  const auto spoil = [&](Run& run, int how) {
    float* reduced = floats(run.state.reduced);
    if (how == 0) reduced[kParams + kRunning + 5] = 1;  // the loss's flag
    if (how == 1) reduced[3] = HUGE_VALF;
    if (how == 2) reduced[kParams - 1] = NAN;
    if (how == 3) reduced[kParams] = HUGE_VALF;
    if (how == 4) reduced[kParams + kRunning - 1] = NAN;
  };
  for (int how = 0; how < 5; ++how) {
    CAPTURE(how);
    Run run = make_run(*device);
    const auto before = kept(run);
    spoil(run, how);
    device->operations().commit({run.state, run.layout, kLatent});
    CHECK(kept(run) == before);
    const auto* control = static_cast<const Control*>(run.state.control.get());
    CHECK_EQ(control->updates, 6);
    CHECK_EQ(control->skip, 1);
    const auto* sums = static_cast<const double*>(run.state.sums.get());
    std::vector<double> expected(
        static_cast<std::size_t>(sum_doubles(kLatent)));
    expected[6] = expected[7] = expected[8] = 1;  // steps, skipped, nonfinite
    CHECK(std::vector<double>(sums, sums + sum_doubles(kLatent)) == expected);
  }
}

TEST_CASE("the largest finite gradient is clipped, not refused") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  floats(run.state.reduced)[0] = std::numeric_limits<float>::max();
  device->operations().commit({run.state, run.layout, kLatent});
  for (const float value : kept(run)) REQUIRE(std::isfinite(value));
  CHECK_EQ(static_cast<const Control*>(run.state.control.get())->updates, 7);
}

TEST_CASE("finite parameters and moments stay finite, whatever the settings") {
  const auto device = make_cpu_device(1);
  const float most = std::numeric_limits<float>::max();
  const float ends[]{0, 1e-45f, -1e-45f, 1, -1, 1e19f, -1e19f, most, -most};
  for (const double rate : {0.0, 1e-3, 1e30})
    for (const double beta : {0.0, 0.9, std::nextafter(1.0, 0.0)})
      for (const double decay : {0.0, 1e-3, 1e30})
        for (const double epsilon : {1e-37, 1e-8, 1e30}) {
          Run run = make_run(*device);
          auto& control = *static_cast<Control*>(run.state.control.get());
          control.learning_rate = rate, control.weight_decay = decay;
          control.beta1 = beta, control.beta2 = 0.9 - beta / 2;
          control.epsilon = epsilon, control.clip_norm = 1e17;
          for (std::size_t i = 0; i < 9 * 9 * 9 * 9; ++i) {
            floats(run.state.reduced)[i] = ends[i % 9];
            floats(run.state.param)[i] = ends[i / 9 % 9];
            floats(run.state.moment1)[i] = ends[i / 81 % 9];
            floats(run.state.moment2)[i] = std::abs(ends[i / 729]);
          }
          device->operations().commit({run.state, run.layout, kLatent});
          REQUIRE_EQ(control.skip, 0);
          bool finite = true;
          for (const float value : kept(run)) finite &= std::isfinite(value);
          CHECK(finite);
        }
}

TEST_CASE("a step out of float32's range is not applied") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  static_cast<Control*>(run.state.control.get())->learning_rate = 1e30;
  floats(run.state.param)[0] = 1;
  floats(run.state.moment1)[0] = 1e20f;
  floats(run.state.moment2)[0] = 0;
  device->operations().commit({run.state, run.layout, kLatent});
  CHECK_EQ(floats(run.state.param)[0], 1);
  CHECK_GT(std::abs(floats(run.state.param)[1]), 1e25f);  // others are
}

TEST_CASE("weight decay moves a parameter whose gradient is zero") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  device->clear(run.state.reduced.get(), kParams * 4);
  device->clear(run.state.moment1.get(), kParams * 4);
  const auto before = values_of(run.state.param, kParams);
  device->operations().commit({run.state, run.layout, kLatent});
  const auto after = values_of(run.state.param, kParams);
  for (std::size_t i = 0; i < kParams; ++i)
    REQUIRE((after[i] - before[i]) * before[i] < 0);  // towards zero
}

}  // namespace
}  // namespace vae::engine
