// The decision of an update: mean, then norm, then clip; whether it is applied;
// and what it adds to the sums.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/math/update.hpp"

namespace vae::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Control control_of(double clip_norm, bool mean) {
  Control control{};
  control.learning_rate = 0.5;
  control.beta1 = 0.9;
  control.beta2 = 0.99;
  control.epsilon = 1e-8;
  control.clip_norm = clip_norm;
  control.mean_gradient = mean ? 1 : 0;
  return control;
}

constexpr Tail kTail{10, 7, 3, 2, 4, 0};  // four images

TEST_CASE("a gradient of the sum is not scaled") {
  Control control = control_of(0, false);
  decide(kTail, 100.0, &control);
  CHECK_EQ(control.skip, 0);
  CHECK_EQ(control.scale, 1.0f);
  CHECK_EQ(control.gradient_square, 100.0);
}

TEST_CASE("the mean comes before the norm, the norm before the clip") {
  Control control = control_of(2, true);
  decide(kTail, 1600.0, &control);  // norm 40, of the mean 10, clipped to 2
  CHECK_EQ(control.gradient_square, 100.0);  // unclipped
  CHECK_EQ(control.scale, static_cast<float>(0.25 * 2 / 10));

  control = control_of(10, true);  // just fits
  decide(kTail, 1600.0, &control);
  CHECK_EQ(control.scale, 0.25f);
  control = control_of(11, false);  // the sum's norm is what is clipped
  decide(kTail, 1600.0, &control);
  CHECK_EQ(control.scale, static_cast<float>(11.0 / 40));
}

TEST_CASE("Adam's bias correction counts updates") {
  Control control = control_of(0, false);
  for (int t = 1; t <= 3; ++t) {
    decide(kTail, 1.0, &control);
    CHECK_EQ(control.updates, t);
    CHECK_EQ(control.step_size,
             static_cast<float>(0.5 / (1 - std::pow(0.9, t))));
    CHECK_EQ(control.second_scale,
             static_cast<float>(1 / std::sqrt(1 - std::pow(0.99, t))));
  }
}

TEST_CASE("a batch that is not finite is skipped and counts as no update") {
  struct {
    float flag;
    double square;
  } const bad[]{{1, 1.0},
                {4, 1.0},
                {0, double{kInfinity}},
                {0, std::numeric_limits<double>::quiet_NaN()},
                {1, double{kInfinity}}};
  for (const auto& [flag, square] : bad) {
    Control control = control_of(1, true);
    control.updates = 7;
    control.gradient_square = 3;
    Tail tail = kTail;
    tail.nonfinite = flag;
    decide(tail, square, &control);
    CHECK_EQ(control.skip, 1);
    CHECK_EQ(control.updates, 7);
    CHECK_EQ(control.gradient_square, 3);

    Sums sums{};
    add_sums(tail, control, &sums);
    CHECK_EQ(sums.steps, 1);
    CHECK_EQ(sums.skipped, 1);
    CHECK_EQ(sums.nonfinite, 1);
    CHECK_EQ(sums.images, 0);
    CHECK_EQ(sums.loss, 0);

    decide(kTail, 1.0, &control);  // the next finite one is applied
    CHECK_EQ(control.skip, 0);
    CHECK_EQ(control.updates, 8);
  }
}

TEST_CASE("a loss that float32 cannot hold is skipped") {
  // Its sum is finite in double, so the flag is not set.
  Control control = control_of(0, false);
  Tail tail = kTail;
  tail.loss = kInfinity;
  decide(tail, 1.0, &control);
  CHECK_EQ(control.skip, 1);
}

TEST_CASE("a statistic that is not finite refuses the step") {
  const float most = std::numeric_limits<float>::max();
  for (const float good : {0.0f, -1.0f, most, -most})
    CHECK_EQ(refusal(good), 0.0);
  for (const float bad : {kInfinity, -kInfinity, NAN}) {
    Control control = control_of(1, true);
    decide(kTail, 100.0 + refusal(bad), &control);
    CHECK_EQ(control.skip, 1);
  }
}

TEST_CASE("updates are counted up to the limit of a file's counts") {
  Control control = control_of(0, false);
  control.updates = kLargestCount - 1;
  for (int i = 0; i < 2; ++i) {
    decide(kTail, 1.0, &control);
    CHECK_EQ(control.skip, 0);
    CHECK_EQ(control.updates, kLargestCount);
  }
}

TEST_CASE("a committed batch is added to the sums") {
  Control control = control_of(0, true);
  decide(kTail, 1600.0, &control);
  Sums sums{};
  sums.loss = 1, sums.images = 2, sums.steps = 3;
  add_sums(kTail, control, &sums);
  CHECK_EQ(sums.loss, 11);
  CHECK_EQ(sums.recon, 7);
  CHECK_EQ(sums.kl, 3);
  CHECK_EQ(sums.mse, 2);
  CHECK_EQ(sums.images, 6);
  CHECK_EQ(sums.gradient_square, 100);
  CHECK_EQ(sums.steps, 4);
  CHECK_EQ(sums.skipped, 0);
}

TEST_CASE("running statistics are an average of old and new") {
  CHECK_EQ(fold_running(8.0f, 12.0f, 3.0f, 0.25f), 7.0f);
  CHECK_EQ(fold_running(8.0f, 12.0f, 3.0f, 0.0f), 8.0f);
  CHECK_EQ(fold_running(8.0f, 12.0f, 3.0f, 1.0f), 4.0f);
}

TEST_CASE("a gradient whose square float32 cannot hold is skipped") {
  Control control = control_of(0, false);
  decide(kTail, 1e37, &control);  // norm 3e18: Adam's v would be infinite
  CHECK_EQ(control.skip, 1);
  CHECK_EQ(control.updates, 0);
  control = control_of(1, false);  // clipped, it is harmless
  decide(kTail, 1e37, &control);
  CHECK_EQ(control.skip, 0);
}

}  // namespace
TEST_CASE("every step advances the cursor, in a dataset also its position") {
  Control control = control_of(0, false);
  control.cursor.step = 5;
  const Tail good{1, 1, 0, 0, 64, 0}, bad{NAN, 1, 0, 0, 32, 1};
  decide(good, 1, &control);
  CHECK_EQ(control.cursor.step, 6);
  CHECK_EQ(control.cursor.position, 0);  // rows came from the host
  control.cursor.order = {1, 0, 1000};
  decide(good, 1, &control);
  decide(bad, 1, &control);  // skipped, but its rows are consumed
  CHECK_EQ(control.skip, 1);
  CHECK_EQ(control.cursor.step, 8);
  CHECK_EQ(control.cursor.position, 96);
}

}  // namespace vae::engine
