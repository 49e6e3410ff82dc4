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
#include <functional>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "vae.h"

namespace {

using Json = nlohmann::ordered_json;
using Trainer = std::unique_ptr<vae_trainer, decltype(&vae_destroy)>;
/// Does this many steps (or calls) and waits until they are done. Everything is
/// prepared before, so that a round holds calls of vae.h and nothing else.
using Work = std::function<void(std::uint64_t steps)>;

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

/// Throws the library's text unless `status` is VAE_OK.
void check(vae_status status) {
  if (status != VAE_OK) throw std::runtime_error(vae_last_error());
}

// ---- What is timed

std::uint64_t pixels(const vae_config& config) {
  return std::uint64_t{config.channels} * config.height * config.width;
}

std::uint64_t whole_batches(const Options& options) {
  if (options.images < options.batch)
    throw std::runtime_error("--images is " + std::to_string(options.images) +
                             ", less than one batch of " +
                             std::to_string(options.batch));
  return options.images / options.batch;
}

template <class Call>
Work repeat(Call call) {
  return [call = std::move(call)](std::uint64_t calls) mutable {
    for (std::uint64_t i = 0; i < calls; ++i) check(call());
  };
}

/// Noise, the same everywhere: bench/peers/common.py has the same rule. Zeros
/// would let a GPU run faster than images do.
std::vector<std::uint8_t> noise(std::uint64_t bytes) {
  std::vector<std::uint8_t> made(bytes);
  std::uint32_t index = 0;
  for (std::uint8_t& byte : made) {
    std::uint32_t x = index++ + 0x9e3779b9u;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    byte = static_cast<std::uint8_t>(x >> 24);
  }
  return made;
}

/// vae_train_step() from host memory, batch after batch of --images images.
Work train_steps(const Options& options, const vae_config& config,
                 vae_trainer* trainer) {
  const std::uint64_t batches = whole_batches(options), row = pixels(config);
  const std::uint64_t batch = options.batch;
  return [=, data = noise(batches * batch * row),
          next = std::uint64_t{0}](std::uint64_t steps) mutable {
    for (std::uint64_t i = 0; i < steps; ++i) {
      const vae_batch rows =
          vae_view_u8(data.data() + next++ % batches * batch * row, batch, row);
      check(vae_train_step(trainer, &rows, nullptr));
    }
    check(vae_synchronize(trainer));
  };
}

/// vae_train_epoch() over a data set of --images images, rounded down to whole
/// batches. The set goes to the device with the first step.
Work train_epochs(const Options& options, const vae_config& config,
                  vae_trainer* trainer) {
  const std::uint64_t count = whole_batches(options) * options.batch;
  const std::vector<std::uint8_t> data = noise(count * pixels(config));
  const vae_batch all = vae_view_u8(data.data(), count, pixels(config));
  const std::uint32_t shape[3] = {config.channels, config.height, config.width};
  vae_dataset* made = nullptr;
  check(vae_dataset_from_memory(&all, shape, &made));
  const std::shared_ptr<vae_dataset> set(made, vae_dataset_destroy);
  return [=, batch = options.batch](std::uint64_t steps) {
    vae_run run = vae_default_run();
    run.batch_size = batch;
    // A call ends with its epoch at the latest.
    for (std::uint64_t done = 0; done < steps;) {
      vae_metrics metrics = vae_no_metrics();
      run.max_steps = steps - done;
      check(vae_train_epoch(trainer, set.get(), &run, &metrics));
      if (metrics.steps == 0 || metrics.images != metrics.steps * batch)
        throw std::runtime_error(
            "an epoch reported " + std::to_string(metrics.steps) +
            " steps of " + std::to_string(metrics.images) +
            " images in batches of " + std::to_string(batch));
      done += metrics.steps;
    }
  };
}

Work encode(const Options& options, const vae_config& config,
            vae_trainer* trainer) {
  const std::uint64_t batch = options.batch, row = pixels(config);
  return repeat(
      [=, data = noise(batch * row),
       means = std::vector<float>(batch * config.latent),
       logvars = std::vector<float>(batch * config.latent)]() mutable {
        const vae_batch rows = vae_view_u8(data.data(), batch, row);
        vae_output mean = vae_output_f32(means.data(), means.size());
        vae_output logvar = vae_output_f32(logvars.data(), logvars.size());
        return vae_encode(trainer, &rows, &mean, &logvar);
      });
}

Work decode(const Options& options, const vae_config& config,
            vae_trainer* trainer) {
  const std::uint64_t batch = options.batch, latent = config.latent;
  std::vector<float> codes;
  for (const std::uint8_t byte : noise(batch * latent))
    codes.push_back(static_cast<float>(byte) / 64.0f - 2.0f);
  return repeat(
      [=, images = std::vector<float>(batch * pixels(config))]() mutable {
        const vae_batch rows = vae_view_f32(codes.data(), batch, latent);
        vae_output output = vae_output_f32(images.data(), images.size());
        return vae_decode(trainer, &rows, &output);
      });
}

Work make_work(const Options& options, const vae_config& config,
               vae_trainer* trainer) {
  const std::string& mode = options.mode;
  if (mode == "step") return train_steps(options, config, trainer);
  if (mode == "epoch") return train_epochs(options, config, trainer);
  if (mode == "encode") return encode(options, config, trainer);
  if (mode == "decode") return decode(options, config, trainer);
  if (mode == "synchronize")
    return repeat([=] { return vae_synchronize(trainer); });
  return repeat([=] {
    double value = 0;
    return vae_get(trainer, VAE_LEARNING_RATE, &value);
  });
}

/// All of `works` at once, each on a thread of its own for the time of a call.
/// Each does all the steps.
Work at_once(std::vector<Work> works) {
  return [works = std::move(works)](std::uint64_t steps) {
    std::vector<std::future<void>> done;
    for (const Work& work : works)
      done.push_back(std::async(std::launch::async, std::cref(work), steps));
    for (std::future<void>& one : done) one.get();
  };
}

// ---- Timing

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
    if (letter == EOF)
      throw std::runtime_error("nobody opens the gate any more");
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

vae_config read_config(const Options& options) {
  Json fields = {{"max_batch", options.batch}, {"threads", options.threads}};
  fields.update(Json::parse(options.config));
  vae_config config = vae_default_config();
  check(vae_config_from_json(&config, fields.dump().c_str()));
  return config;
}

void add_options(CLI::App& app, Options& options) {
  app.option_defaults()->always_capture_default();
  app.add_option("--config", options.config,
                 "JSON object of vae_config's fields; the rest are defaults");
  app.add_option("--mode", options.mode, "What is timed")
      ->check(CLI::IsMember(
          {"step", "epoch", "encode", "decode", "get", "synchronize"}));
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
  std::vector<Trainer> trainers;
  std::vector<Work> works;
  double first = seconds_of([&] {
    for (std::uint32_t i = 0; i < options.trainers; ++i) {
      vae_trainer* made = nullptr;
      check(vae_create(&config, &made));
      trainers.emplace_back(made, vae_destroy);
    }
  });
  for (const Trainer& trainer : trainers)
    works.push_back(make_work(options, config, trainer.get()));
  const Work work =
      works.size() == 1 ? std::move(works[0]) : at_once(std::move(works));
  first += seconds_of([&] { work(1); });
  Json json = {{"program", "vae_bench"},
               {"mode", options.mode},
               {"unit", trains(options.mode) ? "step" : "call"},
               {"batch", options.batch},
               {"trainers", options.trainers},
               {"rounds", options.rounds},
               {"seconds_to_first_step", first}};
  json.update(measure(options, work));
  rusage usage{};  // of the process, its libraries included
  getrusage(RUSAGE_SELF, &usage);
  json["peak_rss_bytes"] = std::int64_t{usage.ru_maxrss} * 1024;
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
