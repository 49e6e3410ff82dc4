// `vae train`: converts the command line to a Job. The training is in
// training.cpp.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "kind.hpp"
#include "lock.hpp"
#include "numbers.hpp"
#include "report.hpp"
#include "settings.hpp"
#include "targets.hpp"
#include "training.hpp"

namespace cli {

namespace fs = std::filesystem;

namespace {

// Counts up to 2^53 are exact in JSON too.
constexpr std::uint64_t kMostCount = std::uint64_t{1} << 53;

struct TrainOptions {
  std::string data, out, resume, config;
  std::uint64_t epochs = 14, max_steps = 0, save_every = 1;
  std::uint32_t log_every = 10;
  bool json = false, force = false;
  Settings settings;
};

constexpr const char* kExamples =
    "Examples:\n"
    "  vae train --data data/mnist --out runs/first\n"
    "  vae train --data data/mnist --out runs/small --epochs 3 --latent 8\n"
    "  vae train --data photos --out runs/dense --net dense --layers 512,256\n"
    "  vae train --data data/mnist --out runs/first --epochs 30 \\\n"
    "      --resume runs/first/checkpoint.safetensors\n"
    "\n"
    "Writes model.safetensors, checkpoint.safetensors, sample_EPOCH.png and\n"
    "reconstruction.png into the folder of --out. Image size and channels "
    "come\n"
    "from the data. A test set, if there is one, is evaluated after each "
    "epoch.\n"
    "Ctrl-C stops after a step, saves, and prints how to resume (exit code "
    "130); a\n"
    "second Ctrl-C ends at once. --json writes one object per line: start,\n"
    "step, epoch, eval, saved, warning, done.";

vae_config base_config(const TrainOptions& options) {
  const std::string& source =
      options.resume.empty() ? options.config : options.resume;
  vae_config config = default_config();
  if (source.empty()) return config;
  check(vae_config_from_file(&config, source.c_str()));
  // The checkpoint may be from a machine with a GPU, and this one may have
  // none.
  if (!options.resume.empty()) config.device = VAE_AUTO;
  return config;
}

void check_images(const Images& images) {
  constexpr std::uint64_t kLongestSide = 4096, kMostPixels = 16'777'216;
  const std::uint32_t longest =
      *std::max_element(images.shape.begin(), images.shape.end());
  if (longest <= kLongestSide && pixels(images.shape) <= kMostPixels) return;
  throw Failure(VAE_E_ARGUMENT,
                images.path + ": its images are " + to_string(images.shape) +
                    " (channels, height, width); at most " +
                    std::to_string(kLongestSide) + " each and " +
                    std::to_string(kMostPixels) + " in all are allowed");
}

Trainer make_trainer(const TrainOptions& options, const Images& images) {
  Settings settings = options.settings;
  if (settings.gives("net") && !settings.gives("layers")) {
    settings.set("layers", settings.is("net", "dense")
                               ? std::vector{512, 256}
                               : std::vector{64, 128, 128});
  }
  if (options.resume.empty()) {
    settings.set("channels", images.shape[0]);
    settings.set("height", images.shape[1]);
    settings.set("width", images.shape[2]);
  }
  if (options.resume.empty()) check_images(images);
  const vae_config config = settings.apply(base_config(options));
  check_shape(images, config);
  if (!options.resume.empty()) return load_trainer(options.resume, config);
  vae_trainer* trainer = nullptr;
  check(vae_create(&config, &trainer));
  return Trainer(trainer);
}

// A file of an earlier run in the folder, or "".
std::string file_of_a_run(const std::string& folder) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (entry->is_directory(unknown)) continue;
    if (name == "model.safetensors" || name == "checkpoint.safetensors" ||
        name == "reconstruction.png" ||
        (name.starts_with("sample_") && name.ends_with(".png"))) {
      return entry->path().string();
    }
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {  // make_folder() reports this one
    throw Failure(VAE_E_FILE,
                  folder + " cannot be read: " + reason(error.value()));
  }
  return "";
}

// A run never overwrites the files of another one.
void refuse_other_run(const TrainOptions& options) {
  const std::string found = options.force ? "" : file_of_a_run(options.out);
  if (found.empty()) return;
  const std::string checkpoint = checkpoint_file(options.out);
  std::error_code error;
  if (!options.resume.empty() &&
      fs::equivalent(options.resume, checkpoint, error)) {
    return;
  }
  throw Failure(
      VAE_E_FILE,
      options.out + " contains another run (" + found + "); " +
          (fs::exists(checkpoint, error)
               ? "resume it with --resume " + checkpoint + ", or overwrite it"
               : std::string("overwrite it")) +
          " by --force");
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  std::error_code unknown;
  if (fs::is_directory(path, unknown)) return;
  throw Failure(VAE_E_FILE, path + ": the folder cannot be created: " +
                                reason(error ? error.value() : EEXIST));
}

// Warns if a resumed run differs from the interrupted one.
void warn_of_resumed(const std::string& path, vae_trainer* trainer,
                     const Images& images, std::uint64_t batch,
                     Report& report) {
  if (kind_of_file(path) != "checkpoint") {
    report.warning(path +
                   " is a model, not a checkpoint: training starts from its "
                   "weights, at epoch 1, without Adam's moments");
    return;
  }
  const std::uint64_t step = counter(trainer, VAE_STEP);
  const std::uint64_t epoch = counter(trainer, VAE_EPOCH);
  // A last batch that is too small for BatchNorm has no step.
  const std::uint64_t least = std::max<std::uint64_t>(images.count / batch, 1);
  const std::uint64_t most = (images.count + batch - 1) / batch;
  if (step >= epoch * least && step <= (epoch + 1) * most) return;
  report.warning(path + " has done " + std::to_string(step) + " steps in " +
                 std::to_string(epoch) + " epochs and a part; with " +
                 std::to_string(images.count) + " images of " + images.path +
                 " in batches of " + std::to_string(batch) + " an epoch has " +
                 std::to_string(most) + ": data or batches have changed");
}

// The same command with --resume.
std::string resume_command(const Arguments& arguments,
                           const std::string& checkpoint) {
  std::string text;
  const auto add = [&text](const std::string& argument) {
    constexpr const char* kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-_=+./,:@%";
    const bool plain = !argument.empty() &&
                       argument.find_first_not_of(kPlain) == std::string::npos;
    if (!text.empty()) text += ' ';
    if (plain) {
      text += argument;
      return;
    }
    text += '\'';
    for (const char letter : argument) {
      text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    text += '\'';
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--force") continue;
    const std::string name = arguments[i].substr(0, arguments[i].find('='));
    if (name == "--resume" || name == "--max-steps" || name == "--config") {
      if (name == arguments[i]) ++i;  // its value is the next argument
      continue;
    }
    add(arguments[i]);
  }
  add("--resume");
  add(checkpoint);
  return text;
}

int train(const TrainOptions& options, const Arguments& arguments) {
  watch_interrupts();
  refuse_other_run(options);
  Images images = open_images(options.data);
  std::optional<Images> test = open_test_set(options.data);
  Trainer trainer = make_trainer(options, images);
  const vae_config config = config_of(trainer.get());
  if (test) check_shape(*test, config);
  make_folder(options.out);
  const FolderLock lock(options.out);
  refuse_other_run(options);  // again: one may have ended meanwhile
  check_target(checkpoint_file(options.out));
  check_target(model_file(options.out));
  const auto report = options.json ? json_report() : human_report();
  for (const auto& text : images.warnings) report->warning(text);
  if (test) {
    for (const auto& text : test->warnings) report->warning(text);
  }
  if (!lock.problem().empty()) {
    report->warning(options.out +
                    " cannot be locked against other runs: " + lock.problem());
  }
  if (!options.resume.empty()) {
    warn_of_resumed(options.resume, trainer.get(), images, config.max_batch,
                    *report);
  }
  Training training(
      {.trainer = std::move(trainer),
       .training = std::move(images),
       .test = std::move(test),
       .epochs = options.epochs,
       .batch_size = config.max_batch,
       .max_steps = options.max_steps,
       .save_every = options.save_every,
       // The report for people limits its output itself.
       .log_every = options.json ? options.log_every : 1,
       .out = options.out,
       .resume = resume_command(arguments, checkpoint_file(options.out))},
      *report);
  return training.run();
}

void add_run_options(CLI::App& command, TrainOptions& options) {
  command
      .add_option("--data", options.data,
                  "Folder of MNIST files or of PNGs, or one IDX file")
      ->required();
  command.add_option("--out", options.out, "Folder for the results")
      ->required();
  add_whole(command, "--epochs", options.epochs,
            "Epochs in total, including those of a resumed run",
            {1, kMostCount});
  add_whole(command, "--batch-size", "Images per step", kAny32,
            [&options](std::uint64_t size) {
              options.settings.set("max_batch", size);
            })
      ->default_str("64");
  add_whole(command, "--max-steps", options.max_steps,
            "Maximum number of steps; 0: no limit", {0, kMostCount});
  command.add_option("--resume", options.resume, "Checkpoint to resume from");
  command
      .add_option("--config", options.config,
                  "Configuration (JSON) to begin with; options change it")
      ->excludes("--resume");
  add_whole(command, "--save-every", options.save_every,
            "Epochs between checkpoints", {1, kMostCount});
  add_whole(command, "--log-every", options.log_every,
            "Steps between step events of --json", {1, kAny32.most});
  command.add_flag("--json", options.json, "One JSON object per line");
  command.add_flag("--force", options.force, "Overwrite another run");
}

}  // namespace

void add_train(CLI::App& app, const Arguments& arguments, int& exit_code) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App& command = *app.add_subcommand("train", "Train a model on images");
  command.footer(kExamples);
  add_run_options(command, *options);
  options->settings.add_device_options(command);
  options->settings.add_model_options(command);
  command.callback([options, &arguments, &exit_code] {
    exit_code = train(*options, arguments);
  });
}

}  // namespace cli
