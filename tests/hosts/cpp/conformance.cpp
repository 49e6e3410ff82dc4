// The conformance program in C++: see ../conformance.md, which is the same for
// every host language. It checks no number itself; conformance.py compares the
// programs.
#include <array>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vae/vae.hpp>
#include <vector>

namespace {

constexpr std::size_t kSide = 12, kPixels = kSide * kSide, kImages = 96;
constexpr std::size_t kBatch = 16, kLatent = 4;
constexpr vae::Shape kShape{1, kSide, kSide};

/// FNV-1a; of floats in memory, which is little-endian.
template <class T>
std::uint64_t sum_of(const std::vector<T>& numbers) {
  std::uint64_t sum = 14695981039346656037u;
  for (const std::byte byte : std::as_bytes(std::span(numbers)))
    sum = (sum ^ std::to_integer<std::uint64_t>(byte)) * 1099511628211u;
  return sum;
}

template <class T>
void print_sum(const char* name, const std::vector<T>& numbers) {
  std::printf("%s%016" PRIx64 "\n", name, sum_of(numbers));
}

template <class T>
void print_numbers(const char* name, const std::vector<T>& numbers) {
  std::printf("%s", name);
  for (const T number : numbers) std::printf(" %a", double{number});
}

enum class Dims { no, yes };

void print_metrics(const std::string& name, const vae::Metrics& metrics,
                   Dims dims = Dims::no) {
  std::printf("%s loss %a reconstruction %a kl %a mse %a norm %a", name.c_str(),
              metrics.loss, metrics.reconstruction, metrics.kl, metrics.mse,
              metrics.gradient_norm);
  std::printf(" active %" PRIu32 " steps %" PRIu64 " images %" PRIu64
              " skipped %" PRIu64 " nonfinite %" PRIu64,
              metrics.active_units, metrics.steps, metrics.images,
              metrics.skipped_steps, metrics.nonfinite_steps);
  if (dims == Dims::yes) print_numbers(" dims", metrics.kl_per_dim);
  std::printf("\n");
}

void print_progress(const vae::Progress& now) {
  std::printf("progress %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
              " %a %a %a\n",
              now.training ? 1 : 2, now.epoch, now.step, now.steps, now.images,
              now.loss, now.reconstruction, now.kl);
}

/// The images as bytes and as floats, and their labels.
struct Data {
  std::vector<std::uint8_t> bytes;
  std::vector<float> floats;
  std::vector<std::int32_t> labels;

  Data() {
    std::uint32_t state = 12345;
    for (int n = 0; n < static_cast<int>(kImages); ++n) {
      const int cx = 3 + n % 6, cy = 3 + n / 6 % 6, r2 = 4 + 5 * (n / 36);
      for (int y = 0; y < static_cast<int>(kSide); ++y) {
        for (int x = 0; x < static_cast<int>(kSide); ++x) {
          state = state * 1664525u + 1013904223u;
          const std::uint32_t noise = state >> 24;
          const bool inside = (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r2;
          bytes.push_back(
              static_cast<std::uint8_t>(inside ? 255 - noise / 4 : noise / 8));
          floats.push_back(static_cast<float>(bytes.back()) / 255.0f);
        }
      }
      labels.push_back(n % 3);
    }
  }
  std::span<const std::uint8_t> as_bytes(std::size_t first,
                                         std::size_t count) const {
    return std::span(bytes).subspan(first * kPixels, count * kPixels);
  }
  std::span<const float> as_floats(std::size_t first, std::size_t count) const {
    return std::span(floats).subspan(first * kPixels, count * kPixels);
  }
};

vae::Config make_config() {
  vae::Config config;
  config.height = config.width = kSide;
  config.latent = kLatent;
  config.layers = {8, 16, 16};
  config.seed = 7;
  config.max_batch = kBatch;
  config.threads = 1;
  config.device = vae::DeviceKind::cpu;
  return config;
}

// The steps, by the numbers of conformance.md.

void train_steps(vae::Trainer& trainer, const Data& data) {  // 2, 3
  vae::Metrics metrics;
  for (std::size_t step = 0; step < 8; ++step) {
    const std::size_t first = kBatch * (step % 6);
    if (step % 2 == 0)
      trainer.train_step(data.as_bytes(first, kBatch), &metrics);
    else
      trainer.train_step(data.as_floats(first, kBatch), &metrics);
    print_metrics("step " + std::to_string(step), metrics, Dims::yes);
  }
  trainer.train_step(data.as_bytes(0, kBatch));
  print_metrics("sums", trainer.read_metrics());
}

void change_settings(vae::Trainer& trainer) {  // 4
  using enum vae::Key;
  trainer.set(learning_rate, 0.0005);
  trainer.set(kl_weight, 0.5);
  std::vector<double> values;
  for (const vae::Key key : {learning_rate, kl_weight, step, updates, epoch})
    values.push_back(trainer.get(key));
  print_numbers("settings", values);
  std::printf("\n");
}

void show_dataset(const vae::Dataset& set) {  // 5
  const auto& [channels, height, width] = set.shape();
  std::printf("dataset %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
              "\n",
              set.size(), channels, height, width, set.classes());
  std::printf("read %016" PRIx64 " %" PRId32 " %" PRId32 "\n",
              sum_of(set.read(94, 2)), set.labels()[94], set.labels()[95]);
}

void train_one_epoch(vae::Trainer& trainer, const vae::Dataset& set) {  // 6
  vae::Run run;
  run.every_steps = 2;
  run.progress = [&](const vae::Progress& now) {
    print_progress(now);
    if (now.step == 4)
      print_sum("inside ",
                trainer.sample<std::uint8_t>({.count = 2, .seed = 5}));
    return true;
  };
  print_metrics("epoch", trainer.train_epoch(set, run));
}

void evaluate(vae::Trainer& trainer, const vae::Dataset& set,
              const Data& data) {  // 7
  vae::Run run;
  run.batch_size = 10;
  run.every_steps = 0;
  run.progress = [](const vae::Progress& now) {
    print_progress(now);
    return true;
  };
  print_metrics("evaluate", trainer.evaluate(set, run), Dims::yes);
  print_metrics("eval_step", trainer.eval_step(data.as_floats(0, 10)));
  const vae::Scores scores = trainer.score(data.as_bytes(0, 3));
  print_numbers("score", scores.reconstruction);
  print_numbers("", scores.kl);
  std::printf("\n");
}

std::vector<std::uint8_t> infer(vae::Trainer& trainer, const Data& data) {  // 8
  const vae::Codes codes = trainer.encode(data.as_bytes(0, 5));
  print_numbers("mean", codes.mean);
  print_numbers("\nlogvar", codes.logvar);
  vae::write_array("codes.npy", codes.mean, {5, kLatent});
  print_sum("\ndecode ", trainer.decode(codes.mean));
  const auto drawn = trainer.sample<std::uint8_t>(
      {.count = 9, .seed = 3, .first = 2, .temperature = 0.8});
  print_sum("sample ", drawn);
  print_sum("reconstruct ", trainer.reconstruct(data.as_floats(0, 4)));
  return drawn;
}

void read_params(vae::Trainer& trainer) {  // 9
  for (const vae::ParamInfo& param : trainer.params()) {
    std::printf("param %s %d %d %" PRIu64 " ", param.name.c_str(),
                static_cast<int>(param.type), param.trainable, param.elements);
    const char* separator = "";
    for (const std::int64_t size : param.shape) {
      std::printf("%s%" PRId64, separator, size);
      separator = "x";
    }
    const char* name = param.shape.empty() ? "scalar " : " ";
    if (param.type == vae::ElementType::int64)
      print_sum(name, trainer.read_param<std::int64_t>(param.name));
    else
      print_sum(name, trainer.read_param(param.name));
  }
  using enum vae::ParamWhat;
  print_sum("moment ", trainer.read_param("encoder.0.weight", moment1));
  trainer.write_param("fc11.bias", value, std::vector(kLatent, 0.125f));
  print_sum("written ", trainer.read_param("fc11.bias"));
}

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void save(vae::Trainer& trainer,
          const std::vector<std::uint8_t>& drawn) {  // 10
  trainer.save("model.safetensors", vae::SaveWhat::model);
  trainer.save("checkpoint.safetensors", vae::SaveWhat::checkpoint);
  const auto memory = trainer.save(vae::SaveWhat::checkpoint);
  if (memory != read_file("checkpoint.safetensors"))
    throw std::runtime_error("the checkpoint in memory is not the file's");
  std::printf("saved %zu", memory.size());
  print_sum(" ", memory);
  vae::write_grid("grid.png", drawn, kShape, 3);
}

void reload(vae::Trainer& a, const vae::Dataset& set) {  // 11
  vae::Trainer b = vae::Trainer::load("checkpoint.safetensors");
  vae::Run run;
  run.max_steps = 3;
  print_metrics("continued", a.train_epoch(set, run));
  print_metrics("continued", b.train_epoch(set, run));
  vae::Trainer c = vae::Trainer::load(read_file("model.safetensors"));
  print_sum("reloaded ", c.sample<std::uint8_t>({.count = 4, .seed = 1}));
}

template <class Call>
void print_error(const Call& call) {
  try {
    call();
  } catch (const vae::Error& error) {
    std::printf("error %s: %s\n",
                vae::status_name(static_cast<std::int32_t>(error.status())),
                error.what());
    return;
  }
  throw std::runtime_error("a call that had to fail did not");
}

void provoke(vae::Trainer& trainer, const vae::Dataset& set,
             const Data& data) {  // 12
  print_error([] {
    vae::Config config = make_config();
    config.latent = 0;
    vae::Trainer other(config);
  });
  print_error([&] {
    std::array<float, 4 * kLatent> four{};
    vae::Output output = vae::Output::of(four);
    trainer.encode(vae::Batch::of(data.as_bytes(0, 5), 5), &output, nullptr);
  });
  print_error(
      [&] { trainer.read_param("fc11.bias", vae::ParamWhat::gradient); });
  print_error([] { vae::Trainer::load("missing.safetensors"); });
  print_error([] { vae::Trainer::load("grid.png"); });
  trainer.cancel(true);
  print_error([&] { trainer.train_epoch(set); });
  trainer.cancel(false);
}

void conform() {
  const Data data;
  const vae::Config config = make_config();
  std::printf("config %s\n", vae::to_json(config).c_str());  // 1
  vae::Trainer trainer(config);
  train_steps(trainer, data);
  change_settings(trainer);
  const auto set = vae::Dataset::from_memory(data.bytes, kShape, data.labels);
  show_dataset(set);
  train_one_epoch(trainer, set);
  evaluate(trainer, set, data);
  const std::vector<std::uint8_t> drawn = infer(trainer, data);
  read_params(trainer);
  save(trainer, drawn);
  reload(trainer, set);
  provoke(trainer, set, data);

  vae::Metrics metrics;  // 13
  trainer.train_step(data.as_bytes(16, kBatch), &metrics);
  print_metrics("after", metrics);
  trainer.save("after.safetensors", vae::SaveWhat::model);
}

}  // namespace

int main() {
  try {
    conform();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 1;
  }
}
