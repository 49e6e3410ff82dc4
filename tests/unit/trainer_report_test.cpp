// Reports of a run to its host: progress, failed steps, and settings that
// cannot be changed in its own callback.
#include <doctest/doctest.h>

#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::batch_of;
using testing::error_of;
using testing::says;
using testing::small_conv;
using testing::some_images;
using testing::some_set;

TEST_CASE("the last step of a limited run is reported once") {
  Trainer trainer(small_conv());
  std::vector<std::uint64_t> reports;
  Run run;
  run.batch_size = 4;
  run.max_steps = 4;
  run.every_steps = 2;
  run.progress = [&](const Progress& p) {
    reports.push_back(p.step);
    return true;
  };
  trainer.train_epoch(some_set(40), run);
  CHECK(reports == std::vector<std::uint64_t>{2, 4});
}

TEST_CASE("the epoch cannot be set from its own callback") {
  Trainer trainer(small_conv());
  Run run;
  run.every_steps = 1;
  run.progress = [&](const Progress&) {
    says(error_of(Status::busy, [&] { trainer.set(Key::epoch, 0); }),
         "under way");
    return true;
  };
  trainer.train_epoch(some_set(16), run);
  CHECK(trainer.get(Key::epoch) == 1);
  trainer.set(Key::epoch, 0);
  CHECK(trainer.get(Key::epoch) == 0);
}

TEST_CASE("a failed step is reported once, not again after an epoch") {
  Trainer trainer(small_conv());
  const std::vector<float> bias = testing::param(trainer, "decoder.0.bias");
  auto huge = bias;
  huge[0] = 3e38f;  // the loss overflows
  testing::set_param(trainer, "decoder.0.bias", huge);
  const auto images = some_images(4);
  error_of(Status::nonfinite, [&] { trainer.train_step(batch_of(images)); });
  testing::set_param(trainer, "decoder.0.bias", bias);
  CHECK_EQ(trainer.train_epoch(some_set(8)).nonfinite_steps, 0);
  trainer.synchronize();
  CHECK_EQ(trainer.read_metrics().nonfinite_steps, 1);
}

}  // namespace
}  // namespace vae
