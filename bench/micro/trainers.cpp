// Steps and calls of inference through vae.h, as a host makes them. The loops
// are those of vae_bench.
#include "../workloads.hpp"
#include "micro.hpp"

namespace micro {
namespace {

void run(benchmark::State& state, const std::string& mode,
         const vae_config& config) {
  try {
    vae_trainer* made = nullptr;
    bench::check(vae_create(&config, &made));
    const bench::Trainer trainer(made);
    const std::uint64_t batch = config.max_batch;
    const bench::Work work = bench::make_work(mode, made, config, batch, batch);
    work(1);
    for (auto _ : state) work(1);
    set_rate(state, "images/s", config.max_batch);
  } catch (const bench::Failure& failure) {
    state.SkipWithError(failure.what());
  }
}

void add_case(const std::string& name, const std::string& mode,
              vae_config config, std::uint32_t batch, std::uint32_t threads) {
  config.device = VAE_CPU;
  config.max_batch = batch;
  config.threads = threads;
  add(name + "/batch:" + std::to_string(batch) +
          "/threads:" + std::to_string(threads),
      [=](benchmark::State& state) { run(state, mode, config); });
}

}  // namespace

void add_trainers() {
  vae_config config = vae_default_config();
  for (const char* mode : {"encode", "decode", "sample"})
    for (const std::uint32_t batch : {1u, 64u, 1000u})
      for (const std::uint32_t threads : {1u, 2u})
        add_case(mode + std::string("/fp32"), mode, config, batch, threads);
  for (const auto& [engine, number] : {std::pair{"tile", VAE_ENGINE_TILE},
                                       std::pair{"blocks", VAE_ENGINE_BLOCKS}})
    for (const auto& [precision, products] :
         {std::pair{"fp32", VAE_FP32}, std::pair{"bf16", VAE_BF16}})
      for (const std::uint32_t batch : {1u, 16u, 64u})
        for (const std::uint32_t threads : {1u, 2u}) {
          config.engine = number;
          config.precision = products;
          add_case(std::string("step/") + engine + "/" + precision, "step",
                   config, batch, threads);
        }
}

}  // namespace micro
