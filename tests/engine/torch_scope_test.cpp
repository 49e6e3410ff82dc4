// A trainer's thread settings do not affect the host: its numbers of threads,
// in OpenMP and in LibTorch, are the same before and after every call, and its
// own parallel regions use them.
#include <ATen/Parallel.h>
#include <omp.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/autograd.hpp"
#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"
#include "unit/tight_memory.hpp"
#include "vae/error.hpp"

namespace vae {
namespace {

using testing::batch_of;
using testing::some_images;

Config with_threads(std::uint32_t threads) {
  Config config = testing::small_conv();
  config.threads = threads;
  return config;
}

/// Number of threads in a parallel region of the host.
int region_threads() {
  std::atomic<int> count{0};
#pragma omp parallel
  ++count;
  return count;
}

/// Every kind of call that computes something.
void use(Trainer& trainer) {
  const auto images = some_images(6);
  trainer.train_step(batch_of(images));
  Metrics metrics;
  trainer.train_step(batch_of(images), &metrics);
  trainer.eval_step(batch_of(images));
  std::vector<float> buffer(images.size());
  Output out = Output::of(std::span(buffer));
  trainer.reconstruct(batch_of(images), out);
  trainer.sample({6, 0, 0, 1.0}, out);
  trainer.save(SaveWhat::checkpoint);
}

/// The thread settings that a host can query.
struct ThreadSettings {
  int openmp, torch, region;
  bool gradients;
  bool operator==(const ThreadSettings&) const = default;
};

ThreadSettings thread_settings() {
  // OpenMP first, because LibTorch's first query sets it.
  const int openmp = omp_get_max_threads();
  return {openmp, at::get_num_threads(), region_threads(),
          at::GradMode::is_enabled()};
}

struct Restore {
  int openmp = omp_get_max_threads(), torch = at::get_num_threads();
  ~Restore() {
    at::set_num_threads(torch);
    omp_set_num_threads(openmp);
  }
};

}  // namespace

TEST_CASE("a host's threads are the same after calls of any trainer") {
  const Restore restore;
  Trainer one(with_threads(1)), three(with_threads(3));
  for (const int host : {1, 2, 4}) {
    CAPTURE(host);
    at::set_num_threads(host);
    omp_set_num_threads(host);
    const ThreadSettings before = thread_settings();
    CHECK_EQ(before.region, host);
    for (Trainer* each : {&one, &three, &one}) {
      use(*each);
      CHECK(thread_settings() == before);
    }
  }
}

TEST_CASE("a host's OpenMP setting is kept") {
  const Restore restore;
  Trainer three(with_threads(3));
  omp_set_num_threads(2);
  use(three);
  CHECK_EQ(omp_get_max_threads(), 2);
  CHECK_EQ(region_threads(), 2);
}

TEST_CASE("settings are restored after a failed call") {
  const Restore restore;
  omp_set_num_threads(2);
  Config config = with_threads(3);
  config.likelihood = Likelihood::gaussian;
  Trainer trainer(config);
  testing::set_param(trainer, "decoder.0.bias", {1e30f, 1e30f});
  const ThreadSettings before = thread_settings();
  CHECK_THROWS_AS(trainer.train_step(batch_of(some_images(4))), Error);
  CHECK(thread_settings() == before);
}

TEST_CASE("autograd of the host is on again after a call") {
  Trainer trainer(with_threads(1));
  use(trainer);
  const at::Tensor x = at::ones({2}).requires_grad_(true);
  const auto gradient = torch::autograd::grad({(x * x).sum()}, {x});
  CHECK(at::equal(gradient[0], 2 * at::ones({2})));
  CHECK_FALSE(at::ones({1}).is_inference());
}

TEST_CASE("a trainer's results do not depend on the host's settings") {
  const Restore restore;
  std::vector<std::vector<std::byte>> results;
  for (const int host : {1, 4}) {
    at::set_num_threads(host);
    omp_set_num_threads(host);
    Trainer trainer(with_threads(2));
    use(trainer);
    results.push_back(testing::bytes_of(trainer));
  }
  const bool same = results[0] == results[1];
  CHECK(same);
}

TEST_CASE("trainers inside a host's own parallel region") {
  const Restore restore;
  omp_set_num_threads(2);
  Trainer alone(with_threads(1));
  use(alone);
  const auto expected = testing::bytes_of(alone);
  std::vector<Trainer> trainers;
  for (int i = 0; i < 2; ++i) trainers.emplace_back(with_threads(1));
  std::vector<int> wrong(2, 1);
#pragma omp parallel for num_threads(2)
  for (int i = 0; i < 2; ++i) {
    const auto index = static_cast<std::size_t>(i);
    try {
      use(trainers[index]);
      wrong[index] = testing::bytes_of(trainers[index]) != expected;
    } catch (const Error&) {
      wrong[index] = 2;
    }
  }
  CHECK(wrong == std::vector<int>(2, 0));
  CHECK_EQ(omp_get_max_threads(), 2);
  CHECK_EQ(region_threads(), 2);
}

TEST_CASE("a host thread without calls has its default settings") {
  const Restore restore;
  const auto fresh = [] {
    ThreadSettings settings{};
    std::thread([&] { settings = thread_settings(); }).join();
    return settings;
  };
  const ThreadSettings before = fresh();
  for (const std::uint32_t threads : {1u, 3u}) {
    Trainer trainer(with_threads(threads));
    use(trainer);
    CHECK(fresh() == before);
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE(
    "threads that the system cannot create are an error, without a hang") {
  const Restore restore;
  Config config = with_threads(1024);
  config.engine = EngineKind::blocks;
  std::string text;
  {
    // Enough memory for some stacks, but not for two thousand.
    const testing::TightMemory tight(rlim_t{1} << 30);
    text = testing::error_of(Status::memory, [&] { Trainer trainer(config); });
  }
  testing::says(text, "1024");
  Trainer trainer(with_threads(2));
  use(trainer);
}
#endif

}  // namespace vae
