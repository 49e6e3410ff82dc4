// Effects of calls on a trainer: failures change nothing, trainers share
// nothing, and inference does not affect training.
#include <cmath>
#include <cstdio>
#include <functional>
#include <thread>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

/// Finite images whose squared error overflows.
std::vector<float> too_bright() {
  return std::vector<float>(4 * kPixels, 1e30f);
}

void parameters_are_finite(vae_trainer* trainer) {
  std::uint32_t count = 0;
  good(vae_param_count(trainer, &count));
  for (std::uint32_t i = 0; i < count; ++i) {
    vae_param param;
    good(vae_param_init(&param, sizeof param));
    good(vae_param_info(trainer, i, &param));
    if (param.dtype != VAE_FLOAT32) continue;
    std::vector<float> values(param.elements);
    good(vae_param_read(trainer, param.name, VAE_VALUE, values.data(),
                        values.size() * 4));
    for (const float value : values) REQUIRE(std::isfinite(value));
  }
}

/// Every inference call once.
void use_everything(vae_trainer* trainer) {
  const auto pixels = pictures(20, 5);
  const vae_batch images = view(pixels);
  std::vector<float> first(20 * kPixels), second(20 * kPixels);
  vae_output a = vae_output_f32(first.data(), first.size());
  vae_output b = vae_output_f32(second.data(), second.size());
  good(vae_encode(trainer, &images, &a, &b));
  const vae_batch codes = vae_view_f32(second.data(), 20, kLatent);
  good(vae_decode(trainer, &codes, &a));
  const vae_sampling sampling = vae_draw(20, 3);
  good(vae_sample(trainer, &sampling, &a));
  good(vae_reconstruct(trainer, &images, &a));
  good(vae_score(trainer, &images, &a, &b));
  vae_metrics metrics = vae_no_metrics();
  good(vae_eval_step(trainer, &images, &metrics));
  const Dataset dataset = make_dataset(20);
  good(vae_evaluate(trainer, dataset.get(), nullptr, nullptr));
  good(vae_synchronize(trainer));
  saved(trainer);
}

}  // namespace

TEST_CASE("training reduces the loss") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(16);
  const vae_batch batch = view(pixels);
  vae_metrics first = vae_no_metrics(), last = vae_no_metrics();
  good(vae_train_step(trainer.get(), &batch, &first));
  for (int i = 0; i < 60; ++i)
    good(vae_train_step(trainer.get(), &batch, nullptr));
  good(vae_train_step(trainer.get(), &batch, &last));
  CHECK(first.steps == 1);
  CHECK(first.images == 16);
  CHECK(first.gradient_norm > 0);
  CHECK(first.loss ==
        doctest::Approx(first.reconstruction + first.kl).epsilon(1e-6));
  CHECK(last.loss < 0.8 * first.loss);
  CHECK(last.mse < first.mse);
  CHECK(last.seconds > 0);
  vae_metrics sums = vae_no_metrics();
  good(vae_read_metrics(trainer.get(), &sums));
  CHECK(sums.steps == 62);
  CHECK(sums.images == 62 * 16);
  CHECK(sums.loss < first.loss);
  CHECK(sums.loss > last.loss);
  good(vae_read_metrics(trainer.get(), &sums));
  CHECK(sums.steps == 0);
  CHECK(sums.images == 0);
  CHECK(get(trainer.get(), VAE_STEP) == 62);
  CHECK(get(trainer.get(), VAE_UPDATES) == 62);
}

TEST_CASE("two trainers used in turn do not affect each other") {
  vae_config other = small_config();
  other.seed = 8;
  const auto alone = [](const vae_config& config) {
    const Trainer trainer = make_trainer(config);
    train(trainer.get(), 0, 6);
    return saved(trainer.get());
  };
  const auto first = alone(small_config()), second = alone(other);
  CHECK(first != second);
  const Trainer a = make_trainer(), b = make_trainer(other);
  for (std::uint32_t step = 0; step < 6; ++step) {
    train(a.get(), step, 1);
    train(b.get(), step, 1);
  }
  CHECK(saved(a.get()) == first);
  CHECK(saved(b.get()) == second);
}

TEST_CASE("trainers on separate threads do not affect each other") {
  const Trainer one = make_trainer(), two = make_trainer();
  train(one.get(), 0, 10);
  const Trainer three = make_trainer();
  std::thread other([&] { train(two.get(), 0, 10); });
  train(three.get(), 0, 10);
  other.join();
  CHECK(saved(two.get()) == saved(one.get()));
  CHECK(saved(three.get()) == saved(one.get()));
}

TEST_CASE("inference between steps changes nothing") {
  const Trainer quiet = make_trainer(), busy = make_trainer();
  for (std::uint32_t step = 0; step < 5; ++step) {
    train(quiet.get(), step, 1);
    use_everything(busy.get());
    train(busy.get(), step, 1);
    use_everything(busy.get());
  }
  CHECK(saved(busy.get()) == saved(quiet.get()));
  vae_metrics a = vae_no_metrics(), b = vae_no_metrics();
  good(vae_read_metrics(quiet.get(), &a));
  good(vae_read_metrics(busy.get(), &b));
  CHECK(a.loss == b.loss);
  CHECK(a.steps == b.steps);
  CHECK(a.images == b.images);
  CHECK(a.mse == b.mse);
}

TEST_CASE("inference is repeatable, and samples are drawn by index") {
  const Trainer trainer = make_trainer();
  train(trainer.get(), 0, 3);
  const auto draw = [&](std::uint64_t first, std::uint64_t count,
                        std::uint64_t seed) {
    std::vector<float> images(count * kPixels);
    vae_output output = vae_output_f32(images.data(), images.size());
    vae_sampling sampling = vae_draw(count, seed);
    sampling.first = first;
    good(vae_sample(trainer.get(), &sampling, &output));
    return images;
  };
  const auto all = draw(0, 6, 1);
  CHECK(draw(0, 6, 1) == all);
  CHECK(draw(0, 6, 2) != all);
  const auto part = draw(4, 2, 1);
  for (std::size_t i = 0; i < part.size(); ++i)
    REQUIRE(part[i] == doctest::Approx(all[4 * kPixels + i]).epsilon(1e-5));
  for (const float pixel : all) REQUIRE((pixel >= 0.0f && pixel <= 1.0f));
}

TEST_CASE("training continues from a checkpoint bit for bit") {
  const Trainer whole = make_trainer();
  train(whole.get(), 0, 4);
  const auto middle = saved(whole.get());
  train(whole.get(), 4, 4);
  const auto end = saved(whole.get());
  {
    const vae_config same = small_config();
    const Trainer resumed = loaded(middle, &same);
    CHECK(saved(resumed.get()) == middle);
    train(resumed.get(), 4, 4);
    CHECK(saved(resumed.get()) == end);
  }
  const char* path = "capi_state_test.safetensors";
  const Trainer again = make_trainer();
  train(again.get(), 0, 4);
  good(vae_save(again.get(), path, VAE_SAVE_CHECKPOINT));
  vae_trainer* opened = nullptr;
  const vae_config same = small_config();
  good(vae_load(path, &same, &opened));
  const Trainer resumed(opened);
  std::remove(path);
  train(resumed.get(), 4, 4);
  CHECK(saved(resumed.get()) == end);
}

TEST_CASE("stopped epochs continue where they stopped") {
  const Dataset dataset = make_dataset(70);
  const Trainer whole = make_trainer();
  good(vae_train_epoch(whole.get(), dataset.get(), nullptr, nullptr));
  good(vae_train_epoch(whole.get(), dataset.get(), nullptr, nullptr));
  CHECK(get(whole.get(), VAE_EPOCH) == 2);
  CHECK(get(whole.get(), VAE_STEP) == 10);

  const Trainer parts = make_trainer();
  vae_run two = vae_default_run();
  two.max_steps = 2;
  good(vae_train_epoch(parts.get(), dataset.get(), &two, nullptr));
  CHECK(get(parts.get(), VAE_STEP) == 2);
  CHECK(get(parts.get(), VAE_EPOCH) == 0);
  const vae_config same = small_config();
  const Trainer resumed = loaded(saved(parts.get()), &same);
  good(vae_train_epoch(resumed.get(), dataset.get(), nullptr, nullptr));
  CHECK(get(resumed.get(), VAE_EPOCH) == 1);
  good(vae_train_epoch(resumed.get(), dataset.get(), nullptr, nullptr));
  CHECK(saved(resumed.get()) == saved(whole.get()));
}

TEST_CASE("any number of threads trains") {
  std::vector<double> losses;
  for (const std::uint32_t threads : {1u, 2u, 4u, 0u}) {
    vae_config config = small_config();
    config.threads = threads;
    const Trainer trainer = make_trainer(config);
    train(trainer.get(), 0, 5);
    vae_metrics metrics = vae_no_metrics();
    good(vae_read_metrics(trainer.get(), &metrics));
    losses.push_back(metrics.loss);
    good(vae_get_config(trainer.get(), &config));
    CHECK(config.threads == (threads ? threads : config.threads));
    CHECK(config.threads >= 1);
  }
  for (const double loss : losses)
    CHECK(loss == doctest::Approx(losses[0]).epsilon(1e-4));
}

TEST_CASE("a non-finite step fails and changes nothing") {
  const Trainer trainer = make_trainer(gaussian_config());
  train(trainer.get(), 0, 2);
  const auto before = saved(trainer.get());
  const auto bright = too_bright();
  const vae_batch batch = vae_view_f32(bright.data(), 4, kPixels);
  vae_metrics metrics = vae_no_metrics();
  refused(vae_train_step(trainer.get(), &batch, &metrics), VAE_E_NONFINITE,
          {"not finite"});
  refused(vae_train_step(trainer.get(), &batch, nullptr), VAE_E_NONFINITE);
  CHECK(saved(trainer.get()) == before);
  parameters_are_finite(trainer.get());
  train(trainer.get(), 2, 2);
  const Trainer spared = make_trainer(gaussian_config());
  train(spared.get(), 0, 4);
  CHECK(saved(trainer.get()) == saved(spared.get()));
}

TEST_CASE("a non-finite step is skipped and counted") {
  vae_config config = gaussian_config();
  config.nonfinite = VAE_NONFINITE_SKIP;
  const Trainer trainer = make_trainer(config);
  train(trainer.get(), 0, 2);
  const auto before = saved(trainer.get(), VAE_SAVE_MODEL);
  vae_metrics metrics = vae_no_metrics();
  good(vae_read_metrics(trainer.get(), &metrics));
  const auto bright = too_bright();
  const vae_batch batch = vae_view_f32(bright.data(), 4, kPixels);
  good(vae_train_step(trainer.get(), &batch, nullptr));
  good(vae_train_step(trainer.get(), &batch, &metrics));
  CHECK(metrics.skipped_steps == 1);
  CHECK(metrics.nonfinite_steps == 1);
  CHECK(metrics.images == 0);
  CHECK(saved(trainer.get(), VAE_SAVE_MODEL) == before);
  CHECK(get(trainer.get(), VAE_STEP) == 4);
  CHECK(get(trainer.get(), VAE_UPDATES) == 2);
  train(trainer.get(), 2, 1);
  good(vae_read_metrics(trainer.get(), &metrics));
  CHECK(metrics.steps == 3);
  CHECK(metrics.skipped_steps == 2);
  CHECK(metrics.nonfinite_steps == 2);
  CHECK(metrics.images == 8);
  CHECK(std::isfinite(metrics.loss));
  parameters_are_finite(trainer.get());
}

TEST_CASE("a learning rate of zero changes no parameter") {
  vae_config config = gaussian_config();
  config.learning_rate = 0;
  const Trainer trainer = make_trainer(config);
  const auto before = encoded(trainer.get(), pictures(4));
  train(trainer.get(), 0, 3);
  CHECK(encoded(trainer.get(), pictures(4)) == before);
}

TEST_CASE("the last error is this thread's last failure") {
  std::thread([] { CHECK(std::string(vae_last_error()).empty()); }).join();
  refused(vae_create(nullptr, nullptr), VAE_E_ARGUMENT, {"NULL"});
  const std::string text = vae_last_error();
  const char* const where = vae_last_error();
  {
    const Trainer trainer = make_trainer();
    train(trainer.get(), 0, 1);
    CHECK(vae_last_error() == text);
  }
  vae_destroy(nullptr);
  CHECK(vae_last_error() == text);
  CHECK(vae_last_error() == where);
  std::thread([&] {
    vae_dataset* dataset = nullptr;
    refused(vae_dataset_open("no/such/place", nullptr, &dataset), VAE_E_FILE,
            {"no/such/place"});
  }).join();
  CHECK(vae_last_error() == text);
}

TEST_CASE("a text longer than its buffer is cut between characters") {
  std::string path = "no/such/";
  while (path.size() < 3000) path += "\xE2\x82\xAC";  // three bytes a character
  vae_dataset* dataset = nullptr;
  CHECK(vae_dataset_open(path.c_str(), nullptr, &dataset) != VAE_OK);
  const std::string text = vae_last_error();
  REQUIRE(text.size() > 1000);
  REQUIRE(text.size() < 3000);
  CHECK(text.substr(text.size() - 3) == "...");
  const std::size_t sign = text.rfind("\xE2\x82\xAC");
  CHECK(sign == text.size() - 6);
}

TEST_CASE("names of statuses") {
  CHECK(std::string(vae_status_name(VAE_OK)) == "VAE_OK");
  CHECK(std::string(vae_status_name(VAE_E_NONFINITE)) == "VAE_E_NONFINITE");
  CHECK(std::string(vae_status_name(-1)) == "unknown status");
  CHECK(std::string(vae_status_name(12345)) == "unknown status");
  CHECK(std::string(vae_version()).find('.') != std::string::npos);
}

TEST_CASE("handles are destroyed in any order") {
  for (const bool trainer_first : {true, false}) {
    const vae_config config = small_config();
    vae_trainer *one = nullptr, *two = nullptr;
    good(vae_create(&config, &one));
    good(vae_create(&config, &two));
    vae_dataset* dataset = make_dataset(20).release();
    good(vae_train_epoch(one, dataset, nullptr, nullptr));
    if (trainer_first) vae_destroy(one);
    good(vae_train_epoch(two, dataset, nullptr, nullptr));
    vae_dataset_destroy(dataset);
    train(two, 0, 2);
    vae_destroy(two);
    if (!trainer_first) {
      train(one, 0, 2);
      vae_destroy(one);
    }
  }
}

TEST_CASE("the log gives the reason for the CPU, until it is turned off") {
  std::vector<std::string> lines;
  const auto note = [](std::int32_t level, const char* text, void* user) {
    CHECK((level >= VAE_LOG_WARNING && level <= VAE_LOG_DETAIL));
    static_cast<std::vector<std::string>*>(user)->push_back(text);
  };
  vae_config config = small_config();
  config.device = VAE_AUTO;
  good(vae_set_log_callback(note, &lines, VAE_LOG_DETAIL));
  make_trainer(config);
  good(vae_set_log_callback(nullptr, nullptr, 0));
  const std::size_t count = lines.size();
  vae_config resolved = vae_default_config();
  const Trainer trainer = make_trainer(config);
  good(vae_get_config(trainer.get(), &resolved));
  if (resolved.device == VAE_CPU) CHECK(count > 0);
  CHECK(lines.size() == count);
}
