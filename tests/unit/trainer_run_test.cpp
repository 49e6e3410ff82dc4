// Whole epochs: every image once, each epoch in its own order; stopping and
// continuing with the same bytes; evaluation that does not depend on the batch
// size.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <stdexcept>

#include "base/order.hpp"
#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::all_params;
using testing::batch_of;
using testing::bytes_of;
using testing::error_of;
using testing::kShape;
using testing::says;
using testing::small_conv;
using testing::some_images;
using testing::some_set;

/// The same images as bytes, and as the floats of these bytes.
Dataset as_bytes(std::size_t count, std::vector<float>* floats) {
  *floats = some_images(count);
  std::vector<std::uint8_t> bytes;
  for (float& value : *floats) {
    bytes.push_back(static_cast<std::uint8_t>(value * 255));
    value = static_cast<float>(bytes.back()) / 255.0f;
  }
  return Dataset::from_memory(
      Batch::of(std::span<const std::uint8_t>(bytes), count), kShape);
}

TEST_CASE("an epoch has every image once; the last batch is smaller") {
  Trainer trainer(small_conv());
  const Metrics metrics = trainer.train_epoch(some_set(21));
  CHECK_EQ(metrics.steps, 3);
  CHECK_EQ(metrics.images, 21);
  CHECK(trainer.get(Key::epoch) == 1);
  CHECK(trainer.get(Key::step) == 3);
  CHECK(trainer.get(Key::updates) == 3);

  Run run;
  run.batch_size = 5;
  CHECK_EQ(trainer.train_epoch(some_set(21), run).steps, 5);
  CHECK(trainer.get(Key::epoch) == 2);
}

TEST_CASE("an epoch equals single steps on its data order") {
  const auto images = some_images(10);
  Trainer by_epoch(small_conv()), by_step(small_conv());
  const Dataset set = some_set(10);
  for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
    by_epoch.train_epoch(set);
    const Order order{small_conv().seed, epoch, 10};
    for (const std::uint64_t first : {0, 8}) {
      std::vector<float> batch;
      for (std::uint64_t i = first; i < std::min<std::uint64_t>(first + 8, 10);
           ++i) {
        const auto row =
            images.begin() + static_cast<std::int64_t>(order(i)) * 60;
        batch.insert(batch.end(), row, row + 60);
      }
      by_step.train_step(batch_of(batch));
    }
  }
  CHECK(all_params(by_epoch) == all_params(by_step));
}

TEST_CASE("bytes and floats of the same images train alike") {
  std::vector<float> floats;
  const Dataset bytes = as_bytes(10, &floats);
  const Dataset same = Dataset::from_memory(batch_of(floats), kShape);
  CHECK(bytes.type() == ElementType::uint8);
  CHECK(same.type() == ElementType::float32);
  Trainer first(small_conv()), second(small_conv());
  const Metrics a = first.train_epoch(bytes), b = second.train_epoch(same);
  CHECK_EQ(a.loss, b.loss);
  CHECK(bytes_of(first) == bytes_of(second));
  CHECK_EQ(first.evaluate(bytes).loss, first.evaluate(same).loss);
}

TEST_CASE("an epoch stopped at any step continues with the same bytes") {
  const Dataset set = some_set(21);
  Trainer whole(small_conv());
  const Metrics all = whole.train_epoch(set);
  for (const std::uint64_t pause : {1, 2}) {
    Trainer parts(small_conv());
    Run run;
    run.max_steps = pause;
    const Metrics first = parts.train_epoch(set, run);
    CHECK_EQ(first.steps, pause);
    CHECK(parts.get(Key::epoch) == 0);
    // Through a file as well.
    const Config config = small_conv();
    Trainer loaded = Trainer::load(bytes_of(parts), &config);
    for (Trainer* each : {&parts, &loaded}) {
      const Metrics rest = each->train_epoch(set);
      CHECK_EQ(rest.steps, 3 - pause);
      CHECK_EQ(first.images + rest.images, 21);
      CHECK(bytes_of(*each) == bytes_of(whole));
      // Sums are added in another order of doubles.
      CHECK_EQ((first.loss * static_cast<double>(first.images) +
                rest.loss * static_cast<double>(rest.images)) /
                   21,
               doctest::Approx(all.loss).epsilon(1e-12));
    }
  }
}

TEST_CASE("an epoch limited to exactly its steps is finished") {
  Trainer trainer(small_conv());
  Run run;
  run.max_steps = 3;
  trainer.train_epoch(some_set(21), run);
  CHECK(trainer.get(Key::epoch) == 1);
}

TEST_CASE("setting the epoch begins it from its first image") {
  const Dataset set = some_set(21);
  Trainer trainer(small_conv());
  Run run;
  run.max_steps = 1;
  trainer.train_epoch(set, run);
  trainer.set(Key::epoch, 4);
  CHECK_EQ(trainer.train_epoch(set).images, 21);
  CHECK(trainer.get(Key::epoch) == 5);
}

TEST_CASE("progress reports the state of the run") {
  Trainer trainer(small_conv());
  std::vector<Progress> reports;
  Run run;
  run.every_steps = 2;
  run.batch_size = 4;
  run.progress = [&](const Progress& p) {
    reports.push_back(p);
    return true;
  };
  const Metrics metrics = trainer.train_epoch(some_set(21), run);
  REQUIRE(reports.size() == 3);  // after 2 and 4 steps, and at the end
  const std::uint64_t steps[]{2, 4, 6}, images[]{8, 16, 21};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(reports[i].training);
    CHECK_EQ(reports[i].epoch, 0);
    CHECK_EQ(reports[i].step, steps[i]);
    CHECK_EQ(reports[i].steps, 6);
    CHECK_EQ(reports[i].images, images[i]);
  }
  CHECK_EQ(reports[2].loss, metrics.loss);

  reports.clear();
  run.every_steps = 0;
  trainer.evaluate(some_set(21), run);
  REQUIRE(reports.size() == 1);
  CHECK_FALSE(reports[0].training);
  CHECK_EQ(reports[0].epoch, 1);
  CHECK_EQ(reports[0].step, 6);
  CHECK_EQ(reports[0].images, 21);
}

TEST_CASE("progress stops a run, and the next one continues it") {
  const Dataset set = some_set(21);
  Trainer trainer(small_conv()), whole(small_conv());
  whole.train_epoch(set);
  Run run;
  run.every_steps = 1;
  run.progress = [](const Progress&) { return false; };
  says(error_of(Status::cancelled, [&] { trainer.train_epoch(set, run); }),
       "after step 1 of 3");
  CHECK(trainer.get(Key::updates) == 1);
  CHECK_EQ(trainer.read_metrics().images, 8);  // what was done counts
  CHECK_EQ(trainer.train_epoch(set).images, 13);
  CHECK(bytes_of(trainer) == bytes_of(whole));
  error_of(Status::cancelled, [&] { trainer.evaluate(set, run); });
}

TEST_CASE("an exception in the callback only ends the run") {
  const Dataset set = some_set(21);
  Trainer trainer(small_conv());
  Run run;
  run.every_steps = 1;
  run.progress = [](const Progress&) -> bool {
    throw std::runtime_error("the host's own");
  };
  CHECK_THROWS_WITH_AS(trainer.train_epoch(set, run), "the host's own",
                       std::runtime_error);
  CHECK_EQ(trainer.train_epoch(set).images, 13);
}

TEST_CASE("cancel is level-triggered: it stops every run until it is cleared") {
  const Dataset set = some_set(21);
  Trainer trainer(small_conv());
  const auto before = bytes_of(trainer);
  trainer.cancel(true);
  for (int i = 0; i < 2; ++i) {
    error_of(Status::cancelled, [&] { trainer.train_epoch(set); });
    error_of(Status::cancelled, [&] { trainer.evaluate(set); });
  }
  CHECK(bytes_of(trainer) == before);
  CHECK_NOTHROW(trainer.train_step(batch_of(some_images(4))));
  trainer.cancel(false);
  Run run;
  run.every_steps = 1;
  run.progress = [&](const Progress&) {
    trainer.cancel(true);
    return true;
  };
  error_of(Status::cancelled, [&] { trainer.train_epoch(set, run); });
  CHECK(trainer.get(Key::updates) == 2);
  trainer.cancel(false);
  CHECK_EQ(trainer.train_epoch(set).images, 13);
}

TEST_CASE("using the model from the callback does not change the training") {
  const Dataset set = some_set(21);
  Trainer plain(small_conv()), used(small_conv());
  plain.train_epoch(set);
  Run run;
  run.every_steps = 1;
  std::vector<float> images(4 * 60), codes(4 * 3);
  run.progress = [&](const Progress&) {
    Output out = Output::of(std::span(images));
    used.sample({4, 1, 0, 1.0}, out);
    Output mean = Output::of(std::span(codes));
    used.encode(batch_of(images), &mean, nullptr);
    used.decode(Batch::of(std::span<const float>(codes), 4), out);
    return used.save(SaveWhat::model).size() > 0;
  };
  used.train_epoch(set, run);
  CHECK(bytes_of(used) == bytes_of(plain));
}

TEST_CASE("a run has metrics of its own, and read_metrics includes them") {
  const Dataset set = some_set(16);
  Trainer trainer(small_conv());
  Metrics step;
  trainer.train_step(batch_of(some_images(4)), &step);
  const Metrics epoch = trainer.train_epoch(set);
  CHECK_EQ(epoch.images, 16);
  trainer.evaluate(set);
  const Metrics sums = trainer.read_metrics();
  CHECK_EQ(sums.images, 20);
  CHECK_EQ(sums.steps, 3);
  CHECK_EQ(
      sums.loss,
      doctest::Approx((4 * step.loss + 16 * epoch.loss) / 20).epsilon(1e-12));
}

TEST_CASE("evaluation does not depend on the size of its batches") {
  const Dataset set = some_set(21);
  Trainer trainer(small_conv());
  trainer.train_epoch(set);
  const auto before = bytes_of(trainer);
  const Metrics whole = trainer.evaluate(set);
  CHECK_EQ(whole.images, 21);
  for (const std::uint64_t size : {1, 2, 5, 7}) {
    CAPTURE(size);
    Run run;
    run.batch_size = size;
    const Metrics other = trainer.evaluate(set, run);
    // Sums of other batches, each rounded to float; products in another order.
    CHECK_EQ(other.loss, doctest::Approx(whole.loss).epsilon(1e-6));
    CHECK_EQ(other.kl, doctest::Approx(whole.kl).epsilon(1e-6));
    CHECK_EQ(other.mse, doctest::Approx(whole.mse).epsilon(1e-6));
    CHECK_EQ(other.active_units, whole.active_units);
    CHECK_EQ(other.steps, (21 + size - 1) / size);
  }
  CHECK_EQ(trainer.evaluate(set).loss, whole.loss);  // repeatable
  CHECK(bytes_of(trainer) == before);
}

TEST_CASE("an evaluation equals the sum of its parts") {
  const Dataset set = some_set(21);
  Trainer trainer(small_conv());
  Run run;
  run.max_steps = 2;
  const Metrics part = trainer.evaluate(set, run);
  CHECK_EQ(part.steps, 2);
  CHECK_EQ(part.images, 16);
}

TEST_CASE("invalid runs are errors and change nothing") {
  Trainer trainer(small_conv());
  const auto before = bytes_of(trainer);
  Run large;
  large.batch_size = 9;
  says(error_of(Status::argument,
                [&] { trainer.train_epoch(some_set(21), large); }),
       "batch_size is 9; allowed are 1 to 8");
  const std::vector<float> flat(120, 0.5f);
  const Dataset other = Dataset::from_memory(
      Batch::of(std::span<const float>(flat), 2), {2, 5, 6});
  for (const bool training : {true, false})
    says(error_of(Status::argument,
                  [&] {
                    training ? trainer.train_epoch(other)
                             : trainer.evaluate(other);
                  }),
         "images of 2 x 5 x 6; this model takes 2 x 6 x 5");
  const std::vector<float> loud(120, 1.5f);
  const Dataset out_of_range =
      Dataset::from_memory(Batch::of(std::span<const float>(loud), 2), kShape);
  says(error_of(Status::argument, [&] { trainer.train_epoch(out_of_range); }),
       "dataset: element 0 of row 0 is 1.5");
  CHECK(bytes_of(trainer) == before);
}

TEST_CASE("Gaussian targets may be any finite number") {
  Config config = small_conv();
  config.likelihood = Likelihood::gaussian;
  const std::vector<float> loud(120, 1.5f);
  Trainer trainer(config);
  CHECK_NOTHROW(trainer.train_epoch(Dataset::from_memory(
      Batch::of(std::span<const float>(loud), 2), kShape)));
}

TEST_CASE("a last batch too small for BatchNorm is left out, once") {
  Config config = small_conv();
  config.height = config.width = 3;  // one pixel per image at the end
  config.max_batch = 4;
  const std::vector<float> nine(9 * 18, 0.5f);
  const Dataset set = Dataset::from_memory(
      Batch::of(std::span<const float>(nine), 9), {2, 3, 3});
  Trainer trainer(config);
  const Metrics metrics = trainer.train_epoch(set);
  CHECK_EQ(metrics.images, 8);
  CHECK_EQ(metrics.steps, 2);
  CHECK(trainer.get(Key::epoch) == 1);
  Run run;
  run.batch_size = 1;
  says(error_of(Status::argument, [&] { trainer.train_epoch(set, run); }),
       "BatchNorm needs at least 2");
  CHECK_EQ(trainer.evaluate(set, run).images, 9);
}

TEST_CASE("one trainer, many datasets that are destroyed") {
  Trainer trainer(small_conv()), same(small_conv());
  const Dataset kept = some_set(10);
  for (std::uint64_t i = 0; i < 3; ++i) {
    trainer.train_epoch(some_set(10, i));  // gone after the call
    trainer.train_epoch(kept);
  }
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Dataset fresh = some_set(10, i);
    same.train_epoch(fresh);
    same.train_epoch(kept);
  }
  CHECK(bytes_of(trainer) == bytes_of(same));
}

TEST_CASE("a step that is not finite ends the epoch at that step") {
  Config config = small_conv();
  config.likelihood = Likelihood::gaussian;
  Trainer trainer(config);
  testing::set_param(trainer, "decoder.0.bias", {1e30f, 1e30f});
  const Dataset set = some_set(21);
  const auto before = bytes_of(trainer);
  error_of(Status::nonfinite, [&] { trainer.train_epoch(set); });
  if (trainer.config().device == DeviceKind::cpu)
    CHECK(bytes_of(trainer) == before);
  testing::set_param(trainer, "decoder.0.bias", {0, 0});
  CHECK_EQ(trainer.train_epoch(set).images, 21);
}

}  // namespace
}  // namespace vae
