// The commit by CUDA kernels against the CPU's: its decision, its results, and
// memory that it must not change.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/unfused_support.hpp"

namespace vae::engine {
namespace {

constexpr std::int64_t kRunning = 70, kLatent = 5;
/// Less than a block; a chunk of the norm and a ragged rest.
constexpr std::int64_t kParams[]{3, 8192 + 77};

/// A state with values everywhere, still on the host.
struct Start {
  explicit Start(std::int64_t count)
      : params(count),
        param(random_floats(count, 1)),
        moment1(random_floats(count, 2)),
        moment2(random_floats(count, 3)),
        reduced(random_floats(count + kRunning + tail_floats(kLatent), 4)),
        running(random_floats(kRunning, 5)),
        sums(at(sum_doubles(kLatent))) {
    for (float& value : moment2) value *= value;
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = static_cast<double>(i) / 8;
    set({10, 7, 3, 2, 4, 0});
    control.learning_rate = 0.01;
    control.beta1 = 0.9;
    control.beta2 = 0.99;
    control.epsilon = 1e-8;
    control.weight_decay = 0.1;
    control.mean_gradient = 1;
    control.cursor = {7, 12, Order{1, 2, 60000}};
  }
  void set(const Tail& tail) {
    std::memcpy(reduced.data() + params + kRunning, &tail, sizeof tail);
  }

  std::int64_t params;
  std::vector<float> param, moment1, moment2, reduced, running;
  std::vector<double> sums;
  Control control{};
};

struct End {
  std::vector<float> floats;  // parameters, moments, running statistics
  std::vector<double> sums;
  Control control;
};

End committed(Device& device, const Start& start) {
  const On<float> param(device, start.param), moment1(device, start.moment1);
  const On<float> moment2(device, start.moment2);
  const On<float> reduced(device, start.reduced);
  const On<float> running(device, start.running);
  const On<double> sums(device, start.sums);
  const On<Control> control(device, {start.control});
  Layout layout;
  layout.param_floats = start.params;
  layout.running_floats = kRunning;
  device.operations().commit(
      {{param.memory(), moment1.memory(), moment2.memory(), reduced.memory(),
        running.memory(), sums.memory(), control.memory()},
       layout,
       kLatent});
  End end{{}, sums.read(), control.read()[0]};
  for (const auto* part : {&param, &moment1, &moment2, &running}) {
    const auto values = part->read();
    end.floats.insert(end.floats.end(), values.begin(), values.end());
  }
  CHECK(same_bytes(reduced.read(), start.reduced));
  return end;
}

void with_devices(const Start& start, End* got, End* expected) {
  *expected = committed(*make_cpu_device(1), start);
  *got = committed(kernel_device(), start);
}

void check_equal(const Control& got, const Control& expected) {
  CHECK(got.cursor == expected.cursor);
  CHECK_EQ(got.updates, expected.updates);
  CHECK_EQ(got.skip, expected.skip);
  // Terms are doubles, added in another order.
  CHECK_EQ(got.gradient_square,
           doctest::Approx(expected.gradient_square).epsilon(1e-12));
}

void check_equal(const std::vector<double>& got,
                 const std::vector<double>& expected) {
  REQUIRE_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    if (i == 5)  // the gradient's square
      CHECK_EQ(got[i], doctest::Approx(expected[i]).epsilon(1e-12));
    else
      CHECK_EQ(got[i], expected[i]);
  }
}

/// In units of float's rounding, 2^-24 of the value and of the step.
double greatest_error(const End& got, const End& expected, const Start& start) {
  double worst = 0;
  for (std::size_t i = 0; i < got.floats.size(); ++i) {
    const double e = double{expected.floats[i]};
    const double before = i < start.param.size() ? double{start.param[i]} : e;
    const double scale = std::abs(e) + std::abs(e - before) + 1e-30;
    worst = std::max(worst,
                     std::abs(double{got.floats[i]} - e) / (scale * 0x1p-24));
  }
  return worst;
}

TEST_CASE("a first update without clipping is bit-equal to the CPU's") {
  // beta^1 needs no pow, in which CUDA and libm may differ.
  for (const std::int64_t params : kParams)
    for (const std::uint64_t mean : {0u, 1u}) {
      CAPTURE(params);
      Start start(params);
      start.control.mean_gradient = mean;
      End got, expected;
      with_devices(start, &got, &expected);
      CHECK(same_bytes(got.floats, expected.floats));
      check_equal(got.sums, expected.sums);
      check_equal(got.control, expected.control);
      CHECK_EQ(got.control.cursor.step, 8);
      CHECK_EQ(got.control.cursor.position, 16);
      CHECK_EQ(got.control.updates, 1);
    }
}

TEST_CASE("SGD and schedules are the CPU's") {
  for (const std::int64_t params : kParams)
    for (const std::uint64_t sgd : {0u, 1u}) {
      Start start(params);
      start.control.sgd = sgd;
      start.control.warmup = 4;
      start.control.cosine_end = 50;
      start.control.kl_full_weight = 3;
      start.control.kl_warmup = 100;
      for (const std::uint64_t updates : {0u, 2u, 20u, 60u}) {
        CAPTURE(updates);
        start.control.updates = updates;
        End got, expected;
        with_devices(start, &got, &expected);
        CHECK_LE(greatest_error(got, expected, start), 64);
        check_equal(got.control, expected.control);
        CHECK_EQ(got.control.kl_weight,
                 doctest::Approx(3 * double(updates + 1) / 100));
        CHECK_EQ(got.control.kl_weight, expected.control.kl_weight);
      }
    }
}

TEST_CASE("a later, clipped update equals the CPU's within few roundings") {
  for (const std::int64_t params : kParams) {
    CAPTURE(params);
    Start start(params);
    start.control.clip_norm = 0.1;
    start.control.updates = 41;
    End got, expected;
    with_devices(start, &got, &expected);
    // The scale may be one rounding off, and so what is made from it: of
    // a moment near zero, whose terms cancel, that is more of the value.
    CHECK_LE(greatest_error(got, expected, start), 64);
    check_equal(got.sums, expected.sums);
    check_equal(got.control, expected.control);
    CHECK_GT(std::sqrt(got.control.gradient_square), 0.1);
    const End again = committed(kernel_device(), start);
    CHECK(same_bytes(again.floats, got.floats));
    CHECK(same_bytes(again.sums, got.sums));
  }
}

TEST_CASE("without a dataset the position stays") {
  Start start(3);
  start.control.cursor.order = {};
  End got, expected;
  with_devices(start, &got, &expected);
  CHECK_EQ(got.control.cursor.step, 8);
  CHECK_EQ(got.control.cursor.position, 12);
}

TEST_CASE("a step that is not finite changes only the counts") {
  for (const std::int64_t params : kParams)
    for (int how = 0; how < 7; ++how) {
      CAPTURE(params);
      CAPTURE(how);
      Start start(params);
      if (how == 0) start.set({10, 7, 3, 2, 4, 1});
      if (how == 1) start.reduced[0] = HUGE_VALF;
      if (how == 2) start.reduced[at(params) - 1] = NAN;
      if (how == 3) start.reduced[1] = 1e30f;  // finite, but not its use
      if (how == 4) start.set({HUGE_VALF, 7, 3, 2, 4, 0});
      if (how == 5) start.reduced[at(params)] = HUGE_VALF;
      if (how == 6) start.reduced[at(params + kRunning) - 1] = NAN;
      End got, expected;
      with_devices(start, &got, &expected);
      End before{{}, start.sums, start.control};
      for (const auto* part :
           {&start.param, &start.moment1, &start.moment2, &start.running})
        before.floats.insert(before.floats.end(), part->begin(), part->end());
      CHECK(same_bytes(got.floats, before.floats));
      CHECK_EQ(got.control.skip, 1);
      CHECK_EQ(got.control.updates, 0);
      CHECK_EQ(got.control.cursor.step, 8);
      CHECK_EQ(got.control.cursor.position, 16);
      for (const std::size_t counted : {6u, 7u, 8u}) before.sums[counted] += 1;
      CHECK(same_bytes(got.sums, before.sums));
      CHECK(same_bytes(got.sums, expected.sums));
    }
}

TEST_CASE("the largest finite gradient is clipped, not refused") {
  Start start(8192 + 77);
  start.control.clip_norm = 1;
  start.reduced[5] = std::numeric_limits<float>::max();
  End got, expected;
  with_devices(start, &got, &expected);
  CHECK_EQ(got.control.skip, 0);
  for (const float value : got.floats) REQUIRE(std::isfinite(value));
}

TEST_CASE("finite parameters and moments stay finite, and are the CPU's") {
  const float most = std::numeric_limits<float>::max();
  const float ends[]{0, 1e-45f, -1, 1e19f, -most, most};
  for (const double rate : {0.0, 1e30})
    for (const double decay : {0.0, 1e30})
      for (const double epsilon : {1e-37, 1e-8}) {
        Start start(6 * 6 * 6 * 6 + 3);
        start.control.learning_rate = rate;
        start.control.weight_decay = decay;
        start.control.epsilon = epsilon;
        for (std::size_t i = 0; i < 6 * 6 * 6 * 6; ++i) {
          start.reduced[i] = std::clamp(ends[i % 6], -1e9f, 1e9f);
          start.param[i] = ends[i / 6 % 6];
          start.moment1[i] = ends[i / 36 % 6];
          start.moment2[i] = std::abs(ends[i / 216]);
        }
        End got, expected;
        with_devices(start, &got, &expected);
        CHECK_EQ(got.control.skip, 0);
        bool finite = true;
        for (const float value : got.floats) finite &= std::isfinite(value);
        CHECK(finite);
        CHECK(same_bytes(got.floats, expected.floats));
      }
}

}  // namespace
}  // namespace vae::engine
