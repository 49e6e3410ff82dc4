// Processes and threads of a host: fork, cancelled threads, small stacks.
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

vae_config two_threads(std::int32_t engine) {
  vae_config config = small_config();
  config.engine = engine;
  config.threads = 2;
  config.layers[0] = config.layers[1] = config.layers[2] = 16;
  return config;
}

const std::vector<std::uint8_t>& shared_pixels() {
  static const auto pixels = pictures(kMaxBatch);
  return pixels;
}

vae_status step(vae_trainer* trainer) {
  const vae_batch images = view(shared_pixels());
  return vae_train_step(trainer, &images, nullptr);
}

/// Every kind of call that computes.
vae_status use(vae_trainer* trainer) {
  const vae_batch images = view(shared_pixels());
  std::vector<float> scores(kMaxBatch), pixels(kMaxBatch * kPixels);
  vae_output out = vae_output_f32(scores.data(), scores.size());
  vae_output picture = vae_output_f32(pixels.data(), pixels.size());
  const vae_status status = step(trainer);
  if (status != VAE_OK) return status;
  const vae_status scored = vae_score(trainer, &images, &out, nullptr);
  return scored != VAE_OK ? scored
                          : vae_reconstruct(trainer, &images, &picture);
}

/// Runs `body` in a child: 0 if it returned true, else the child's status.
/// Assertions do not count there.
int in_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(60);  // a hang must not hang the tests
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

/// Runs `body` on a thread with a stack of this size.
void on_stack(std::size_t bytes, void* (*body)(void*), void* user,
              void** result = nullptr) {
  pthread_attr_t attributes;
  pthread_t thread;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  REQUIRE(pthread_attr_setstacksize(&attributes, bytes) == 0);
  REQUIRE(pthread_create(&thread, &attributes, body, user) == 0);
  REQUIRE(pthread_join(thread, result) == 0);
  pthread_attr_destroy(&attributes);
}

constexpr std::size_t kStack = std::size_t{256} << 10;  // what vae.h says

}  // namespace

#if !defined(__SANITIZE_THREAD__)  // which allows no fork beside threads
TEST_CASE("a child of fork cannot use the parent's trainer") {
  for (const std::int32_t engine : {VAE_ENGINE_BLOCKS, VAE_ENGINE_TILE}) {
    CAPTURE(engine);
    vae_trainer* trainer = make_trainer(two_threads(engine)).release();
    step(trainer);
    const auto before = saved(trainer);
    CHECK(in_child([&] {
            double value = 0;
            const bool refused =
                step(trainer) == VAE_E_POISONED &&
                std::strstr(vae_last_error(), "forked") != nullptr &&
                vae_get(trainer, VAE_STEP, &value) == VAE_E_POISONED;
            vae_destroy(trainer);
            return refused;
          }) == 0);
    const bool unchanged = saved(trainer) == before;
    CHECK(unchanged);
    CHECK(step(trainer) == VAE_OK);
    vae_destroy(trainer);
  }
}

TEST_CASE("a child of fork can create its own trainers") {
  for (const std::int32_t engine : {VAE_ENGINE_BLOCKS, VAE_ENGINE_TILE}) {
    CAPTURE(engine);
    const Trainer parents = make_trainer(two_threads(engine));
    CHECK(use(parents.get()) == VAE_OK);
    const auto before = saved(parents.get());
    const Dataset shared = make_dataset(20);
    CHECK(in_child([&] {
            const Trainer own = make_trainer(two_threads(VAE_ENGINE_TILE));
            const vae_run run = vae_default_run();
            return use(own.get()) == VAE_OK &&
                   (engine != VAE_ENGINE_TILE || saved(own.get()) == before) &&
                   vae_train_epoch(own.get(), shared.get(), &run, nullptr) ==
                       VAE_OK;
          }) == 0);
    CHECK(in_child([&] {  // as many threads as there can be
            vae_config config = two_threads(VAE_ENGINE_BLOCKS);
            config.threads = 0;
            return use(make_trainer(config).get()) == VAE_OK;
          }) == 0);
  }
}

TEST_CASE("a child of fork rejects threads that LibTorch cannot have there") {
  const vae_config config = two_threads(VAE_ENGINE_BLOCKS);
  const Trainer parents = make_trainer(config);
  CHECK(step(parents.get()) == VAE_OK);
  CHECK(in_child([&] {
          vae_trainer* own = nullptr;
          return vae_create(&config, &own) == VAE_E_UNSUPPORTED &&
                 own == nullptr &&
                 std::strstr(vae_last_error(), "threads is 2") != nullptr;
        }) == 0);
}
#endif

TEST_CASE("a thread is cancelled after a call, not inside it") {
  struct Shared {
    Trainer trainer = make_trainer();
    std::string path = "cancelled.safetensors";
    vae_status status = VAE_E_INTERNAL;
    bool went_on = false;
  } shared;
  void* result = nullptr;
  on_stack(
      kStack,
      [](void* user) -> void* {
        auto& s = *static_cast<Shared*>(user);
        // Pending from here on: the first write() would act on it.
        pthread_cancel(pthread_self());
        s.status =
            vae_save(s.trainer.get(), s.path.c_str(), VAE_SAVE_CHECKPOINT);
        pthread_testcancel();
        s.went_on = true;
        return nullptr;
      },
      &shared, &result);
  CHECK(result == PTHREAD_CANCELED);
  CHECK_FALSE(shared.went_on);
  CHECK(shared.status == VAE_OK);
  const vae_config config = small_config();
  vae_trainer* again = nullptr;
  good(vae_load(shared.path.c_str(), &config, &again));
  const bool same = saved(Trainer(again).get()) == saved(shared.trainer.get());
  CHECK(same);
  unlink(shared.path.c_str());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("the stack that vae.h names is enough for every engine") {
  for (std::int32_t engine : {VAE_ENGINE_BLOCKS, VAE_ENGINE_TILE}) {
    CAPTURE(engine);
    on_stack(
        kStack,
        [](void* user) -> void* {
          const Trainer trainer =
              make_trainer(two_threads(*static_cast<std::int32_t*>(user)));
          const vae_run run = vae_default_run();
          const Dataset images = make_dataset(20);
          vae_metrics metrics = vae_no_metrics();
          good(step(trainer.get()));
          good(vae_train_epoch(trainer.get(), images.get(), &run, &metrics));
          good(vae_evaluate(trainer.get(), images.get(), &run, &metrics));
          const Trainer again = loaded(saved(trainer.get()));
          good(step(again.get()));
          return nullptr;
        },
        &engine);
  }
}
#endif
