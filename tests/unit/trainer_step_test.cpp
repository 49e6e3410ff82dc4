// Single steps: what a step counts, reports and changes, and that a failed step
// changes nothing.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::all_params;
using testing::batch_of;
using testing::bytes_of;
using testing::error_of;
using testing::param;
using testing::says;
using testing::small_conv;
using testing::small_dense;
using testing::some_images;

double square_sum(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double{value} * double{value};
  return sum;
}

/// A trainer whose next loss is infinite: the decoder's weights overflow.
Trainer exploding(NonFinite what) {
  Config config = small_dense();
  config.nonfinite = what;
  config.likelihood = Likelihood::gaussian;
  Trainer trainer(config);
  testing::set_param(trainer, "decoder.1.bias", std::vector<float>(60, 1e30f));
  return trainer;
}

TEST_CASE("steps issued and updates applied are separate counts") {
  Trainer trainer(small_conv());
  const auto images = some_images(3);
  trainer.set(Key::step, 10);
  trainer.train_step(batch_of(images));
  trainer.train_step(batch_of(images));
  CHECK(trainer.get(Key::step) == 12);
  CHECK(trainer.get(Key::updates) == 2);

  Trainer skipping = exploding(NonFinite::skip);
  for (int i = 0; i < 2; ++i) skipping.train_step(batch_of(images));
  CHECK(skipping.get(Key::step) == 2);
  CHECK(skipping.get(Key::updates) == 0);
}

TEST_CASE("the step is part of the key of the noise") {
  Trainer first(small_conv()), second(small_conv());
  second.set(Key::step, 1);
  const auto images = some_images(3);
  for (Trainer* each : {&first, &second}) each->train_step(batch_of(images));
  CHECK(all_params(first) != all_params(second));
}

TEST_CASE("every count up to the largest batch is accepted") {
  Trainer trainer(small_conv());
  const auto images = some_images(8);
  std::uint64_t total = 0;
  for (const std::uint64_t count : {1, 8, 3, 7, 1, 2}) {
    Metrics metrics;
    Batch batch = batch_of(images);
    batch.count = count;
    trainer.train_step(batch, &metrics);
    CHECK_EQ(metrics.steps, 1);
    CHECK_EQ(metrics.images, count);
    CHECK(std::isfinite(metrics.loss));
    total += count;
  }
  CHECK_EQ(trainer.read_metrics().images, total);
}

TEST_CASE("a smaller batch does not read the rest of a larger one") {
  const auto images = some_images(8), few = some_images(2, 5);
  Config config = small_conv();
  config.keep_gradients = true;
  Trainer trainer(config), fresh(config);
  trainer.set(Key::learning_rate, 0);
  fresh.set(Key::learning_rate, 0);
  trainer.train_step(batch_of(images));
  trainer.set(Key::step, 0);
  for (Trainer* each : {&trainer, &fresh}) each->train_step(batch_of(few));
  CHECK(all_params(trainer, ParamWhat::gradient) ==
        all_params(fresh, ParamWhat::gradient));
}

TEST_CASE("batches out of range are refused and change nothing") {
  Trainer trainer(small_conv());
  const auto images = some_images(9);
  const auto before = bytes_of(trainer);
  says(
      error_of(Status::argument, [&] { trainer.train_step(batch_of(images)); }),
      "count is 9; training takes at most 8");
  auto bad = some_images(2);
  bad[70] = NAN;
  says(error_of(Status::argument, [&] { trainer.train_step(batch_of(bad)); }),
       "element 10 of row 1 is nan");
  CHECK(bytes_of(trainer) == before);

  Config config = small_conv();
  config.height = config.width = 3;  // BatchNorm sees one pixel per image
  Trainer pixel(config);
  const std::vector<float> one(18, 0.5f);
  says(error_of(Status::argument,
                [&] {
                  pixel.train_step(Batch::of(std::span<const float>(one), 1));
                }),
       "BatchNorm needs at least 2");
}

TEST_CASE("a step's metrics are its own; read_metrics sums all steps") {
  Trainer trainer(small_conv());
  const auto images = some_images(8);
  double loss = 0, norm = 0;
  std::vector<double> kl(3);
  for (const std::uint64_t count : {8, 3, 5}) {
    Batch batch = batch_of(images);
    batch.count = count;
    Metrics step;
    trainer.train_step(batch, &step);
    loss += step.loss * static_cast<double>(count);
    norm += step.gradient_norm * step.gradient_norm;
    REQUIRE(step.kl_per_dim.size() == 3);
    for (std::size_t k = 0; k < 3; ++k)
      kl[k] += step.kl_per_dim[k] * static_cast<double>(count);
    // Sums of a batch go through one float each: half of 2^-23.
    CHECK_EQ(step.loss,
             doctest::Approx(step.reconstruction + step.kl).epsilon(2e-7));
    CHECK_EQ(
        std::accumulate(step.kl_per_dim.begin(), step.kl_per_dim.end(), 0.0),
        doctest::Approx(step.kl).epsilon(1e-6));
  }
  const Metrics sums = trainer.read_metrics();
  CHECK_EQ(sums.steps, 3);
  CHECK_EQ(sums.images, 16);
  CHECK_EQ(sums.skipped_steps, 0);
  CHECK_EQ(sums.loss, doctest::Approx(loss / 16).epsilon(1e-12));
  CHECK_EQ(sums.gradient_norm,
           doctest::Approx(std::sqrt(norm / 3)).epsilon(1e-12));
  for (std::size_t k = 0; k < 3; ++k)
    CHECK_EQ(sums.kl_per_dim[k], doctest::Approx(kl[k] / 16).epsilon(1e-12));
  CHECK_GT(sums.seconds, 0);

  const Metrics empty = trainer.read_metrics();  // reading clears the sums
  CHECK_EQ(empty.steps, 0);
  CHECK_EQ(empty.loss, 0);
}

TEST_CASE("requesting metrics changes nothing") {
  Trainer asked(small_conv()), silent(small_conv());
  const auto images = some_images(5);
  for (int i = 0; i < 3; ++i) {
    Metrics metrics;
    asked.train_step(batch_of(images), &metrics);
    asked.read_metrics();
    silent.train_step(batch_of(images));
  }
  CHECK(bytes_of(asked) == bytes_of(silent));
}

TEST_CASE("two trainers used in turn do not affect each other") {
  Config other = small_dense();
  other.seed = 5;
  const auto images = some_images(4);
  Trainer conv(small_conv()), dense(other), alone(small_conv());
  Trainer dense_alone(other);
  for (int i = 0; i < 4; ++i) {
    conv.train_step(batch_of(images));
    dense.train_step(batch_of(images));
  }
  for (int i = 0; i < 4; ++i) alone.train_step(batch_of(images));
  for (int i = 0; i < 4; ++i) dense_alone.train_step(batch_of(images));
  CHECK(bytes_of(conv) == bytes_of(alone));
  CHECK(bytes_of(dense) == bytes_of(dense_alone));
}

TEST_CASE("the reported norm is that of the gradient before clipping") {
  Config config = small_conv();
  config.keep_gradients = true;
  config.clip_norm = 1e-3;
  for (const bool sum : {true, false}) {
    config.sum_gradient = sum;
    Trainer trainer(config);
    Metrics metrics;
    trainer.train_step(batch_of(some_images(4)), &metrics);
    const double norm =
        std::sqrt(square_sum(all_params(trainer, ParamWhat::gradient)));
    CHECK_GT(norm, 1e-2);
    CHECK_EQ(metrics.gradient_norm, doctest::Approx(norm).epsilon(1e-6));
  }
}

TEST_CASE("a gradient of the mean is that of the sum over the images") {
  Config config = small_conv();
  config.keep_gradients = true;
  Trainer sum(config);
  config.sum_gradient = false;
  Trainer mean(config);
  const auto images = some_images(4);
  Metrics of_sum, of_mean;
  sum.train_step(batch_of(images), &of_sum);
  mean.train_step(batch_of(images), &of_mean);
  auto quarter = all_params(sum, ParamWhat::gradient);
  for (float& value : quarter) value /= 4;
  CHECK(all_params(mean, ParamWhat::gradient) == quarter);
  CHECK_EQ(of_mean.loss, of_sum.loss);  // reported as a mean either way
  CHECK_EQ(of_mean.gradient_norm, of_sum.gradient_norm / 4);
}

TEST_CASE("clipping shortens the step's gradient to its largest norm") {
  Config config = small_conv();
  config.clip_norm = 1e-3;
  Trainer trainer(config);
  trainer.train_step(batch_of(some_images(4)));
  // After the first step the first moment is a tenth of the gradient.
  const double norm =
      10 * std::sqrt(square_sum(all_params(trainer, ParamWhat::moment1)));
  CHECK_EQ(norm, doctest::Approx(1e-3).epsilon(1e-5));
}

TEST_CASE("weight decay pulls parameters without gradient towards zero") {
  Config config = small_conv();
  config.weight_decay = 0.1;
  Trainer trainer(config);
  const auto before = param(trainer, "encoder.0.bias");  // cancels in BatchNorm
  trainer.train_step(batch_of(some_images(4)));
  const auto after = param(trainer, "encoder.0.bias");
  for (std::size_t i = 0; i < before.size(); ++i) {
    // Adam's first step has the length of the learning rate.
    const float sign = before[i] > 0 ? 1.0f : -1.0f;
    CHECK_EQ(sign * (before[i] - after[i]),
             doctest::Approx(1e-3).epsilon(1e-3));
  }
}

TEST_CASE("without weight decay, parameters without gradient are unchanged") {
  Trainer trainer(small_conv());
  const auto before = param(trainer, "encoder.0.bias");
  trainer.train_step(batch_of(some_images(4)));
  CHECK(param(trainer, "encoder.0.bias") == before);
}

TEST_CASE("a learning rate of 0 changes moments and statistics only") {
  Config config = small_conv();
  config.learning_rate = 0;
  Trainer trainer(config);
  const auto before = all_params(trainer);
  const auto mean = param(trainer, "encoder.1.running_mean");
  trainer.train_step(batch_of(some_images(4)));
  CHECK(all_params(trainer) == before);
  CHECK(square_sum(all_params(trainer, ParamWhat::moment1)) > 0);
  CHECK(square_sum(all_params(trainer, ParamWhat::moment2)) > 0);
  CHECK(param(trainer, "encoder.1.running_mean") != mean);
  CHECK(trainer.get(Key::updates) == 1);
}

TEST_CASE("a KL weight of 0 leaves the reconstruction as the loss") {
  Config config = small_conv();
  config.kl_weight = 0;
  Trainer trainer(config);
  Metrics metrics;
  trainer.train_step(batch_of(some_images(4)), &metrics);
  CHECK_EQ(metrics.loss, metrics.reconstruction);
  CHECK_GT(metrics.kl, 0);  // still reported
  trainer.set(Key::kl_weight, 2);
  trainer.train_step(batch_of(some_images(4)), &metrics);
  CHECK_EQ(
      metrics.loss,
      doctest::Approx(metrics.reconstruction + 2 * metrics.kl).epsilon(2e-7));
}

TEST_CASE("bf16 learns to about the same loss") {
  const auto images = some_images(8);
  double losses[2];
  int i = 0;
  for (const auto precision : {Precision::fp32, Precision::bf16}) {
    Config config = small_conv();
    config.precision = precision;
    config.learning_rate = 5e-3;
    Trainer trainer(config);
    Metrics first, last;
    trainer.train_step(batch_of(images), &first);
    for (int step = 0; step < 60; ++step)
      trainer.train_step(batch_of(images), &last);
    CHECK_LT(last.loss, 0.95 * first.loss);
    losses[i++] = last.loss;
  }
  // bf16 keeps 8 bits: rounding of 0.4 % in every product.
  CHECK_EQ(losses[1], doctest::Approx(losses[0]).epsilon(0.02));
}

TEST_CASE("a step that is not finite is refused and changes nothing") {
  Trainer trainer = exploding(NonFinite::error);
  const auto before = bytes_of(trainer);
  const auto images = some_images(4);
  Metrics metrics;
  for (Metrics* wanted : {&metrics, static_cast<Metrics*>(nullptr)}) {
    says(error_of(Status::nonfinite,
                  [&] {
                    trainer.train_step(batch_of(images), wanted);
                    trainer.synchronize();
                  }),
         "not finite; nothing was changed");
    CHECK(bytes_of(trainer) == before);
  }
  // With finite weights again, it trains as before.
  testing::set_param(trainer, "decoder.1.bias", std::vector<float>(60));
  trainer.train_step(batch_of(images), &metrics);
  CHECK_EQ(metrics.steps, 1);
  CHECK(std::isfinite(metrics.loss));
  CHECK_NOTHROW(trainer.synchronize());
}

TEST_CASE("a step that is not finite is skipped and counted") {
  Trainer trainer = exploding(NonFinite::skip);
  const auto images = some_images(4);
  const auto before = all_params(trainer);
  Metrics metrics;
  trainer.train_step(batch_of(images), &metrics);
  CHECK_EQ(metrics.steps, 1);
  CHECK_EQ(metrics.skipped_steps, 1);
  CHECK_EQ(metrics.nonfinite_steps, 1);
  CHECK_EQ(metrics.images, 0);
  CHECK_EQ(metrics.loss, 0);
  CHECK(all_params(trainer) == before);
  testing::set_param(trainer, "decoder.1.bias", std::vector<float>(60));
  trainer.train_step(batch_of(images));
  const Metrics sums = trainer.read_metrics();
  CHECK_EQ(sums.steps, 2);
  CHECK_EQ(sums.skipped_steps, 1);
  CHECK_EQ(sums.images, 4);
  CHECK(std::isfinite(sums.loss));
}

TEST_CASE("an evaluation step changes nothing and is repeatable") {
  Trainer trainer(small_conv());
  const auto images = some_images(20);  // more than a training batch
  trainer.train_step(batch_of(some_images(4)));
  const auto before = bytes_of(trainer);
  const Metrics first = trainer.eval_step(batch_of(images));
  const Metrics second = trainer.eval_step(batch_of(images));
  CHECK(bytes_of(trainer) == before);
  CHECK_EQ(first.loss, second.loss);
  CHECK_EQ(first.images, 20);
  CHECK_EQ(first.steps, 1);
  CHECK_EQ(first.gradient_norm, 0);
  CHECK_EQ(trainer.read_metrics().images, 4);  // not part of training's sums
}

TEST_CASE("scores of single images add up to the evaluation's means") {
  Trainer trainer(small_conv());
  const auto images = some_images(6);
  std::vector<float> recon(6), kl(6);
  Output recon_out = Output::of(std::span(recon));
  Output kl_out = Output::of(std::span(kl));
  trainer.score(batch_of(images), &recon_out, &kl_out);
  CHECK_EQ(recon_out.written, 24);
  CHECK_EQ(kl_out.written, 24);
  const Metrics means = trainer.eval_step(batch_of(images));
  // The batch's sums are rounded to float once more.
  CHECK_EQ(std::accumulate(recon.begin(), recon.end(), 0.0) / 6,
           doctest::Approx(means.reconstruction).epsilon(2e-7));
  CHECK_EQ(std::accumulate(kl.begin(), kl.end(), 0.0) / 6,
           doctest::Approx(means.kl).epsilon(2e-7));
  says(error_of(Status::argument,
                [&] { trainer.score(batch_of(images), nullptr, nullptr); }),
       "at least one is needed");
}

}  // namespace
}  // namespace vae
