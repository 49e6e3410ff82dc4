// One trainer, one thread: calls of a second thread and of a progress callback,
// and stopping a run.
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <thread>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

struct Named {
  const char* name;
  std::function<vae_status(vae_trainer*)> call;
};

/// A C callback that runs any function.
std::int32_t call_function(const vae_progress* progress, void* user) {
  return (*static_cast<std::function<std::int32_t(const vae_progress&)>*>(
      user))(*progress);
}

/// One epoch of `images` images with `progress` after every step.
vae_status epoch_with(vae_trainer* trainer, vae_dataset* dataset,
                      std::function<std::int32_t(const vae_progress&)> progress,
                      vae_metrics* metrics = nullptr) {
  vae_run run = vae_default_run();
  run.every_steps = 1;
  run.progress = call_function;
  run.user = &progress;
  return vae_train_epoch(trainer, dataset, &run, metrics);
}

const std::vector<std::uint8_t>& shared_pixels() {
  static const auto pixels = pictures(4);
  return pixels;
}

/// Calls that a progress callback may make on its own trainer.
std::vector<Named> allowed_calls() {
  static std::vector<float> first(64 * kPixels), second(64 * kPixels);
  const auto output_in = [](std::vector<float>& memory) {
    return vae_output_f32(memory.data(), memory.size());
  };
  return {
      {"vae_encode",
       [=](vae_trainer* t) {
         const vae_batch images = view(shared_pixels());
         vae_output a = output_in(first), b = output_in(second);
         return vae_encode(t, &images, &a, &b);
       }},
      {"vae_decode",
       [=](vae_trainer* t) {
         const std::vector<float> zeros(4 * kLatent);
         const vae_batch codes = vae_view_f32(zeros.data(), 4, kLatent);
         vae_output a = output_in(first);
         return vae_decode(t, &codes, &a);
       }},
      {"vae_sample",
       [=](vae_trainer* t) {
         const vae_sampling sampling = vae_draw(16, 1);
         vae_output a = output_in(first);
         return vae_sample(t, &sampling, &a);
       }},
      {"vae_reconstruct",
       [=](vae_trainer* t) {
         const vae_batch images = view(shared_pixels());
         vae_output a = output_in(first);
         return vae_reconstruct(t, &images, &a);
       }},
      {"vae_score",
       [=](vae_trainer* t) {
         const vae_batch images = view(shared_pixels());
         vae_output a = output_in(first), b = output_in(second);
         return vae_score(t, &images, &a, &b);
       }},
      {"vae_save_memory",
       [](vae_trainer* t) {
         std::uint64_t needed = 0;
         return vae_save_memory(t, VAE_SAVE_CHECKPOINT, nullptr, 0, &needed);
       }},
      {"vae_get_config",
       [](vae_trainer* t) {
         vae_config config = small_config();
         return vae_get_config(t, &config);
       }},
      {"vae_set",
       [](vae_trainer* t) { return vae_set(t, VAE_LEARNING_RATE, 1e-3); }},
      {"vae_get",
       [](vae_trainer* t) {
         double value = 0;
         return vae_get(t, VAE_STEP, &value);
       }},
      {"vae_synchronize", [](vae_trainer* t) { return vae_synchronize(t); }},
      {"vae_param_count",
       [](vae_trainer* t) {
         std::uint32_t count = 0;
         return vae_param_count(t, &count);
       }},
      {"vae_param_info",
       [](vae_trainer* t) {
         vae_param param;
         vae_param_init(&param, sizeof param);
         return vae_param_info(t, 0, &param);
       }},
      {"vae_param_read",
       [](vae_trainer* t) {
         float bias[kLatent];
         return vae_param_read(t, "fc11.bias", VAE_VALUE, bias, sizeof bias);
       }},
      {"vae_diagnose",
       [](vae_trainer* t) {
         std::uint64_t needed = 0;
         return vae_diagnose(t, nullptr, 0, &needed);
       }},
  };
}

/// Calls that a progress callback may not make on its own trainer.
std::vector<Named> busy_calls(vae_dataset* dataset) {
  return {
      {"vae_train_step",
       [](vae_trainer* t) {
         const vae_batch images = view(shared_pixels());
         return vae_train_step(t, &images, nullptr);
       }},
      {"vae_eval_step",
       [](vae_trainer* t) {
         const vae_batch images = view(shared_pixels());
         vae_metrics metrics = vae_no_metrics();
         return vae_eval_step(t, &images, &metrics);
       }},
      {"vae_read_metrics",
       [](vae_trainer* t) {
         vae_metrics metrics = vae_no_metrics();
         return vae_read_metrics(t, &metrics);
       }},
      {"vae_train_epoch",
       [=](vae_trainer* t) {
         return vae_train_epoch(t, dataset, nullptr, nullptr);
       }},
      {"vae_evaluate",
       [=](vae_trainer* t) {
         return vae_evaluate(t, dataset, nullptr, nullptr);
       }},
  };
}

}  // namespace

TEST_CASE("a progress callback receives the state of the run") {
  const Trainer trainer = make_trainer();
  const Dataset dataset = make_dataset(40);
  std::vector<vae_progress> reports;
  vae_metrics metrics = vae_no_metrics();
  good(epoch_with(
      trainer.get(), dataset.get(),
      [&](const vae_progress& now) {
        reports.push_back(now);
        return 0;
      },
      &metrics));
  REQUIRE(reports.size() == 3);  // 16 + 16 + 8 images
  for (std::size_t i = 0; i < reports.size(); ++i) {
    CHECK(reports[i].struct_size == sizeof(vae_progress));
    CHECK(reports[i].phase == VAE_PHASE_TRAIN);
    CHECK(reports[i].epoch == 0);
    CHECK(reports[i].step == i + 1);
    CHECK(reports[i].steps == 3);
    CHECK(reports[i].loss > 0);
    CHECK(reports[i].seconds > 0);
  }
  CHECK(reports[0].images == 16);
  CHECK(reports[2].images == 40);
  CHECK(metrics.images == 40);
  CHECK(metrics.steps == 3);
  CHECK(reports[2].loss == doctest::Approx(metrics.loss));

  reports.clear();
  vae_run run = vae_default_run();
  std::function<std::int32_t(const vae_progress&)> note =
      [&](const vae_progress& now) {
        reports.push_back(now);
        return 0;
      };
  run.every_steps = 0;
  run.progress = call_function;
  run.user = &note;
  good(vae_evaluate(trainer.get(), dataset.get(), &run, &metrics));
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].phase == VAE_PHASE_EVALUATE);
  CHECK(reports[0].step == 3);
  CHECK(reports[0].images == 40);
  CHECK(metrics.gradient_norm == 0);
}

TEST_CASE("a progress callback may use its trainer, and training is the same") {
  const Dataset dataset = make_dataset(40);
  const Trainer quiet = make_trainer(), used = make_trainer();
  good(vae_train_epoch(quiet.get(), dataset.get(), nullptr, nullptr));
  int calls = 0;
  good(epoch_with(used.get(), dataset.get(), [&](const vae_progress&) {
    for (const Named& allowed : allowed_calls()) {
      CAPTURE(allowed.name);
      good(allowed.call(used.get()));
      ++calls;
    }
    return 0;
  }));
  CHECK(calls > 30);
  CHECK(saved(used.get()) == saved(quiet.get()));
}

TEST_CASE("a progress callback may not train, evaluate or destroy") {
  const Dataset dataset = make_dataset(40);
  const Trainer quiet = make_trainer(), used = make_trainer();
  good(vae_train_epoch(quiet.get(), dataset.get(), nullptr, nullptr));
  int calls = 0;
  good(epoch_with(used.get(), dataset.get(), [&](const vae_progress&) {
    for (const Named& busy : busy_calls(dataset.get())) {
      CAPTURE(busy.name);
      refused(busy.call(used.get()), VAE_E_BUSY, {"callback"});
      ++calls;
    }
    refused(vae_create(nullptr, nullptr), VAE_E_ARGUMENT);
    vae_destroy(used.get());
    CHECK(std::string(vae_last_error()).find("callback") != std::string::npos);
    return 0;
  }));
  CHECK(calls == 15);
  CHECK(saved(used.get()) == saved(quiet.get()));
  train(used.get(), 0, 1);  // and it is idle again
}

TEST_CASE("a progress callback may use another trainer") {
  const Dataset dataset = make_dataset(40);
  const Trainer outer = make_trainer(), inner = make_trainer();
  const Trainer alone = make_trainer();
  good(epoch_with(outer.get(), dataset.get(), [&](const vae_progress&) {
    train(inner.get(), 0, 1);
    return 0;
  }));
  good(vae_train_epoch(alone.get(), dataset.get(), nullptr, nullptr));
  CHECK(saved(outer.get()) == saved(alone.get()));
}

TEST_CASE("a dataset destroyed by the callback lives until the run ends") {
  const Trainer trainer = make_trainer(), other = make_trainer();
  vae_dataset* dataset = make_dataset(64).release();
  const Dataset same = make_dataset(64);
  bool destroyed = false;
  good(epoch_with(trainer.get(), dataset, [&](const vae_progress&) {
    if (!destroyed) vae_dataset_destroy(dataset);
    destroyed = true;
    return 0;
  }));
  good(vae_train_epoch(other.get(), same.get(), nullptr, nullptr));
  CHECK(saved(trainer.get()) == saved(other.get()));
}

TEST_CASE("a progress callback stops the run") {
  const Trainer trainer = make_trainer();
  const Dataset dataset = make_dataset(64);
  vae_metrics metrics = vae_no_metrics();
  refused(epoch_with(
              trainer.get(), dataset.get(),
              [](const vae_progress& now) { return now.step == 2 ? -7 : 0; },
              &metrics),
          VAE_E_CANCELLED, {"callback"});
  CHECK(get(trainer.get(), VAE_STEP) == 2);
  good(vae_train_epoch(trainer.get(), dataset.get(), nullptr, nullptr));
  CHECK(get(trainer.get(), VAE_STEP) == 4);
  CHECK(get(trainer.get(), VAE_EPOCH) == 1);
  const Trainer whole = make_trainer();
  good(vae_train_epoch(whole.get(), dataset.get(), nullptr, nullptr));
  CHECK(saved(trainer.get()) == saved(whole.get()));
}

TEST_CASE("a C++ exception in a callback does not leave the library") {
  const Trainer trainer = make_trainer();
  const Dataset dataset = make_dataset(32);
  refused(epoch_with(trainer.get(), dataset.get(),
                     [](const vae_progress&) -> std::int32_t {
                       throw std::runtime_error("thrown by the host");
                     }),
          VAE_E_INTERNAL, {"thrown by the host"});
  train(trainer.get(), 0, 1);
}

TEST_CASE("a second thread gets BUSY during a call") {
  const Trainer trainer = make_trainer(), quiet = make_trainer();
  const Dataset dataset = make_dataset(32);
  good(vae_train_epoch(quiet.get(), dataset.get(), nullptr, nullptr));
  int refusals = 0;
  const auto intrude = [&] {
    auto calls = allowed_calls();
    for (const Named& call : busy_calls(dataset.get())) calls.push_back(call);
    for (const Named& call : calls) {
      CAPTURE(call.name);
      refused(call.call(trainer.get()), VAE_E_BUSY, {"another thread"});
      ++refusals;
    }
    refused(vae_create(nullptr, nullptr), VAE_E_ARGUMENT);
    vae_destroy(trainer.get());
    CHECK(std::string(vae_last_error()).find("another thread") !=
          std::string::npos);
    good(vae_cancel(trainer.get(), 0));  // from any thread
  };
  good(epoch_with(trainer.get(), dataset.get(), [&](const vae_progress&) {
    std::thread(intrude).join();
    return 0;
  }));
  CHECK(refusals == 2 * 19);
  CHECK(saved(trainer.get()) == saved(quiet.get()));
}

TEST_CASE("concurrent calls on one trainer succeed or get BUSY") {
  const Trainer trainer = make_trainer();
  std::atomic<int> served{0}, refusals{0}, others{0};
  const auto fight = [&] {
    const vae_batch images = view(shared_pixels());
    for (int i = 0; i < 200; ++i) {
      const vae_status status = vae_train_step(trainer.get(), &images, nullptr);
      (status == VAE_OK       ? served
       : status == VAE_E_BUSY ? refusals
                              : others)
          .fetch_add(1);
    }
  };
  std::thread one(fight), two(fight);
  fight();
  one.join();
  two.join();
  CHECK(others == 0);
  CHECK(served + refusals == 600);
  CHECK(get(trainer.get(), VAE_STEP) == served);
}

TEST_CASE("cancel is level-triggered: it stops every run until it is cleared") {
  const Trainer trainer = make_trainer();
  const Dataset dataset = make_dataset(64);
  const auto before = saved(trainer.get());
  good(vae_cancel(trainer.get(), 1));
  for (int i = 0; i < 2; ++i) {
    refused(vae_train_epoch(trainer.get(), dataset.get(), nullptr, nullptr),
            VAE_E_CANCELLED, {"cancel"});
    refused(vae_evaluate(trainer.get(), dataset.get(), nullptr, nullptr),
            VAE_E_CANCELLED);
  }
  CHECK(saved(trainer.get()) == before);
  good(vae_cancel(trainer.get(), 0));
  good(vae_train_epoch(trainer.get(), dataset.get(), nullptr, nullptr));
  CHECK(get(trainer.get(), VAE_EPOCH) == 1);
}

TEST_CASE("another thread stops a running epoch") {
  const Trainer trainer = make_trainer();
  const Dataset dataset = make_dataset(160);
  std::promise<void> running;
  std::thread other([&] {
    running.get_future().wait();
    good(vae_cancel(trainer.get(), 1));
  });
  bool started = false;
  // The run cannot end by itself: each callback waits for the other thread.
  refused(
      epoch_with(trainer.get(), dataset.get(),
                 [&](const vae_progress&) {
                   if (!started) running.set_value();
                   started = true;
                   std::this_thread::sleep_for(std::chrono::milliseconds(200));
                   return 0;
                 }),
      VAE_E_CANCELLED);
  other.join();
  const double steps = get(trainer.get(), VAE_STEP);
  CHECK(steps >= 1);
  CHECK(steps < 10);
  good(vae_cancel(trainer.get(), 0));
  good(vae_train_epoch(trainer.get(), dataset.get(), nullptr, nullptr));
  const Trainer whole = make_trainer();
  good(vae_train_epoch(whole.get(), dataset.get(), nullptr, nullptr));
  CHECK(saved(trainer.get()) == saved(whole.get()));
}
