// Steps and calls of inference through vae.h, as a host makes them. The loops
// are those of vae_bench.
#include <functional>

#include "../workloads.hpp"
#include "micro.hpp"

namespace micro {
namespace {

using bench::Work;
using MakeWork =
    std::function<Work(vae_trainer*, const vae_config&, std::uint64_t)>;

struct Case {
  const char* precision;
  std::int32_t number;
  std::uint32_t batch, threads;
};

vae_config config_of(const Case& wanted, std::int32_t engine) {
  vae_config config = vae_default_config();
  config.device = VAE_CPU;
  config.engine = engine;
  config.precision = wanted.number;
  config.max_batch = wanted.batch;
  config.threads = wanted.threads;
  return config;
}

void run(benchmark::State& state, const vae_config& config, MakeWork make) {
  try {
    vae_trainer* made = nullptr;
    bench::check(vae_create(&config, &made));
    const bench::Trainer trainer(made);
    const Work work = make(made, config, config.max_batch);
    work(1);
    for (auto _ : state) work(1);
    set_rate(state, "images/s", config.max_batch);
  } catch (const bench::Failure& failure) {
    state.SkipWithError(failure.what());
  }
}

std::string name_of(const std::string& what, const Case& wanted) {
  return what + "/" + wanted.precision +
         "/batch:" + std::to_string(wanted.batch) +
         "/threads:" + std::to_string(wanted.threads);
}

Work train_one_batch(vae_trainer* trainer, const vae_config& config,
                     std::uint64_t batch) {
  return bench::train_steps(trainer, config, batch, batch);
}

void add_case(const std::string& what, const Case& wanted, std::int32_t engine,
              const MakeWork& make) {
  const vae_config config = config_of(wanted, engine);
  add(name_of(what, wanted),
      [config, make](benchmark::State& state) { run(state, config, make); });
}

void add_steps() {
  const std::pair<const char*, std::int32_t> engines[] = {
      {"tile", VAE_ENGINE_TILE}, {"blocks", VAE_ENGINE_BLOCKS}};
  for (const auto& [engine, number] : engines)
    for (const auto& [precision, products] :
         {std::pair{"fp32", VAE_FP32}, std::pair{"bf16", VAE_BF16}})
      for (const std::uint32_t batch : {1u, 16u, 64u})
        for (const std::uint32_t threads : {1u, 2u})
          add_case(std::string("step/") + engine,
                   {precision, products, batch, threads}, number,
                   train_one_batch);
}

void add_inference() {
  const std::pair<const char*, MakeWork> calls[] = {{"encode", bench::encode},
                                                    {"decode", bench::decode},
                                                    {"sample", bench::sample}};
  for (const auto& [name, make] : calls)
    for (const std::uint32_t batch : {1u, 64u, 1000u})
      for (const std::uint32_t threads : {1u, 2u})
        add_case(name, {"fp32", VAE_FP32, batch, threads}, VAE_ENGINE_AUTO,
                 make);
}

}  // namespace

void add_trainers() {
  add_steps();
  add_inference();
}

}  // namespace micro
