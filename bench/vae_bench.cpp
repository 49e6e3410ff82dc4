// vae_bench times one configuration of libvae in one mode and prints one JSON
// object. It uses vae.h alone and compares nothing: that is bench/run. A
// failure prints one line to standard error.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "workloads.hpp"

namespace {

using bench::check;
using bench::Work;
using Json = nlohmann::ordered_json;

struct Options {
  std::string config = "{}";
  std::string mode = "step";
  std::uint32_t batch = 64;
  std::uint32_t threads = 0;
  std::uint32_t trainers = 1;
  std::uint32_t rounds = 5;
  double seconds = 1;
  std::uint64_t images = 65536;
  bool gate = false;
};

bool trains(const std::string& mode) {
  return mode == "step" || mode == "epoch";
}

/// Both calls of the library's (buffer, capacity, needed) pattern.
template <class Call>
std::string text_from(Call call) {
  std::uint64_t needed = 0;
  const vae_status asked = call(nullptr, 0, &needed);
  if (asked != VAE_E_TOO_SMALL) check(asked);
  std::vector<char> text(needed + 1);
  check(call(text.data(), text.size(), &needed));
  return text.data();
}

vae_config read_config(const Options& options) {
  Json fields = {{"max_batch", options.batch}, {"threads", options.threads}};
  fields.update(Json::parse(options.config));
  vae_config config = vae_default_config();
  check(vae_config_from_json(&config, fields.dump().c_str()));
  return config;
}

template <class Call>
double seconds_of(Call call) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point began = Clock::now();
  call();
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// The number of steps that fill `seconds`. The count doubles until two calls
/// in a row have taken half a round, so that late set-up, like recording a
/// graph after some steps, is over when the rounds begin. A multiple of
/// 16 consists of whole graphs of 2, 4, 8 or 16 steps.
std::uint64_t steps_of_round(const Work& work, double seconds) {
  constexpr std::uint64_t kMost = 1u << 22;
  double best = 1e30;
  std::uint64_t steps = 1;
  for (int long_enough = 0; long_enough < 2 && steps < kMost;) {
    const double lasted = seconds_of([&] { work(steps); });
    best = std::min(best, lasted / static_cast<double>(steps));
    long_enough = lasted < seconds / 2 ? 0 : long_enough + 1;
    if (long_enough == 0) steps *= 2;
  }
  const double wanted = std::min(seconds / best, static_cast<double>(kMost));
  steps = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  return steps < 16 ? steps : steps / 16 * 16;
}

/// Says that the next round can begin and waits for a line.
void wait_at_gate() {
  std::printf("ready\n");
  std::fflush(stdout);
  for (int letter = 0; letter != '\n';) {
    letter = std::getchar();
    if (letter == EOF) throw bench::Failure("nobody opens the gate any more");
  }
}

/// The keys of the times of the rounds, in microseconds per step.
Json measure(const Options& options, const Work& work) {
  if (options.rounds == 0) return Json::object();
  const std::uint64_t steps = steps_of_round(work, options.seconds);
  std::vector<double> rounds;
  for (std::uint32_t round = 0; round < options.rounds; ++round) {
    if (options.gate) {
      wait_at_gate();
      work(1);  // fills the caches again after the others' rounds
    }
    const double lasted = seconds_of([&] { work(steps); });
    rounds.push_back(lasted * 1e6 / static_cast<double>(steps));
  }
  std::sort(rounds.begin(), rounds.end());
  const std::size_t half = rounds.size() / 2;
  const double median = (rounds[half] + rounds[rounds.size() - half - 1]) / 2;
  return {{"us_per_step", median},
          {"us_per_step_min", rounds.front()},
          {"us_per_step_max", rounds.back()},
          {"images_per_s", options.batch * 1e6 / median},
          {"steps_per_round", steps}};
}

/// The peak memory of the process, its libraries included.
std::int64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

/// What the library says of the trainer and of itself.
Json library_json(const Options& options, vae_trainer* trainer) {
  Json json = Json::object();
  if (trains(options.mode)) {
    vae_metrics metrics = vae_no_metrics();
    check(vae_read_metrics(trainer, &metrics));
    json["loss"] = metrics.loss;
    json["steps"] = metrics.steps;
  }
  vae_config config = vae_default_config();
  check(vae_get_config(trainer, &config));
  json["config"] = Json::parse(text_from(
      [&](auto... buffer) { return vae_config_to_json(&config, buffer...); }));
  json["diagnose"] = Json::parse(text_from(
      [&](auto... buffer) { return vae_diagnose(trainer, buffer...); }));
  json["build"] = Json::parse(text_from(vae_build_info));
  return json;
}

void add_options(CLI::App& app, Options& options) {
  app.option_defaults()->always_capture_default();
  app.add_option("--config", options.config,
                 "JSON object of vae_config's fields; the rest are defaults");
  app.add_option("--mode", options.mode, "What is timed")
      ->check(CLI::IsMember({"step", "epoch", "encode", "decode", "sample",
                             "get", "synchronize"}));
  app.add_option("--batch", options.batch, "Images of a step or a call")
      ->check(CLI::Range(1u, 65536u));
  app.add_option("--threads", options.threads, "CPU threads; 0: the default");
  app.add_option("--trainers", options.trainers,
                 "Trainers at once, each on a thread of the host")
      ->check(CLI::Range(1u, 64u));
  app.add_option("--rounds", options.rounds, "0: the first step only")
      ->check(CLI::Range(0u, 100000u));
  app.add_option("--seconds", options.seconds, "About how long a round lasts")
      ->check(CLI::Range(0.001, 3600.0));
  app.add_option("--images", options.images,
                 "Images in memory (step) or in the data set (epoch)")
      ->check(CLI::Range(1u, 1u << 22));
  app.add_flag("--gate", options.gate,
               "Before each round print \"ready\" and wait for a line");
}

void run(const Options& options) {
  const vae_config config = read_config(options);
  std::vector<bench::Trainer> trainers;
  std::vector<Work> works;
  double first = seconds_of([&] {
    for (std::uint32_t i = 0; i < options.trainers; ++i) {
      vae_trainer* made = nullptr;
      check(vae_create(&config, &made));
      trainers.emplace_back(made);
    }
  });
  for (const bench::Trainer& trainer : trainers)
    works.push_back(bench::make_work(options.mode, trainer.get(), config,
                                     options.batch, options.images));
  const Work work =
      works.size() == 1 ? works[0] : bench::at_once(std::move(works));
  first += seconds_of([&] { work(1); });
  Json json = {{"program", "vae_bench"},
               {"mode", options.mode},
               {"unit", trains(options.mode) ? "step" : "call"},
               {"batch", options.batch},
               {"trainers", options.trainers},
               {"rounds", options.rounds},
               {"seconds_to_first_step", first}};
  json.update(measure(options, work));
  json["peak_rss_bytes"] = peak_rss_bytes();
  json.update(library_json(options, trainers[0].get()));
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Times one configuration of libvae; prints JSON.", "vae_bench");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
  } catch (const std::exception& error) {
    std::string text = error.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::fprintf(stderr, "vae_bench: %s\n", text.c_str());
    return 1;
  }
}
