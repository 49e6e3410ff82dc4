// `vae train`: from the command line to a Job. The training itself is in
// training.cpp.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "interrupt.hpp"
#include "report.hpp"
#include "settings.hpp"
#include "training.hpp"

namespace cli {

namespace fs = std::filesystem;

namespace {

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
    "Ctrl-C stops at a step, saves, and says how to go on (exit code 130); a\n"
    "second Ctrl-C ends at once. --json writes one object per line: start,\n"
    "step, epoch, eval, saved, warning, done.";

vae_config base_config(const TrainOptions& options) {
  const std::string& source =
      options.resume.empty() ? options.config : options.resume;
  vae_config config = default_config();
  if (source.empty()) return config;
  check(vae_config_from_file(&config, source.c_str()));
  // A checkpoint may come from a machine with a GPU to one without.
  if (!options.resume.empty()) config.device = VAE_AUTO;
  return config;
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
  const vae_config config = settings.apply(base_config(options));
  check_shape(images, config);
  if (!options.resume.empty()) return load_trainer(options.resume, config);
  vae_trainer* trainer = nullptr;
  check(vae_create(&config, &trainer));
  return Trainer(trainer);
}

// A run never overwrites what another one has made.
void refuse_other_run(const TrainOptions& options) {
  const std::string checkpoint = checkpoint_file(options.out);
  if (options.force || !fs::exists(checkpoint)) return;
  std::error_code error;
  if (!options.resume.empty() &&
      fs::equivalent(options.resume, checkpoint, error)) {
    return;
  }
  throw Failure(VAE_E_FILE, options.out +
                                " holds another run; go on with it by "
                                "--resume " +
                                checkpoint + ", or overwrite it by --force");
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (fs::is_directory(path)) return;
  throw Failure(VAE_E_FILE, "the folder " + path +
                                " cannot be created: " + error.message());
}

// The same command, going on from the checkpoint.
std::string resume_command(const Words& words, const std::string& checkpoint) {
  std::string text;
  const auto add = [&text](const std::string& word) {
    constexpr const char* kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-_=+./,:@%";
    const bool plain =
        !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
    if (!text.empty()) text += ' ';
    if (plain) {
      text += word;
      return;
    }
    text += '\'';
    for (const char letter : word) {
      text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    text += '\'';
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--force") continue;
    const std::string name = words[i].substr(0, words[i].find('='));
    if (name == "--resume" || name == "--max-steps" || name == "--config") {
      if (name == words[i]) ++i;  // its value is the next word
      continue;
    }
    add(words[i]);
  }
  add("--resume");
  add(checkpoint);
  return text;
}

int train(const TrainOptions& options, const Words& words) {
  watch_interrupts();
  refuse_other_run(options);
  Images images = open_images(options.data);
  std::optional<Images> test = open_test_set(options.data);
  Trainer trainer = make_trainer(options, images);
  const vae_config config = config_of(trainer.get());
  if (test) check_shape(*test, config);
  make_folder(options.out);
  const auto report = options.json ? json_report() : human_report();
  Training training(
      {.trainer = std::move(trainer),
       .training = std::move(images),
       .test = std::move(test),
       .epochs = options.epochs,
       .batch_size = config.max_batch,
       .max_steps = options.max_steps,
       .save_every = options.save_every,
       // A person's report decides itself how often it speaks.
       .log_every = options.json ? options.log_every : 1,
       .out = options.out,
       .resume = resume_command(words, checkpoint_file(options.out))},
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
  command
      .add_option("--epochs", options.epochs,
                  "Epochs in total, those of a resumed run included")
      ->check(at_least_one())
      ->capture_default_str();
  command
      .add_option_function<std::uint32_t>(
          "--batch-size",
          [&options](std::uint32_t size) {
            options.settings.set("max_batch", size);
          },
          "Images in a step")
      ->default_str("64");
  command.add_option("--max-steps", options.max_steps,
                     "End after so many steps, for a quick look; 0: do not");
  command.add_option("--resume", options.resume, "Checkpoint to go on from");
  command
      .add_option("--config", options.config,
                  "Configuration (JSON) to begin with; options change it")
      ->excludes("--resume");
  command
      .add_option("--save-every", options.save_every,
                  "Epochs from one checkpoint to the next")
      ->check(at_least_one())
      ->capture_default_str();
  command
      .add_option("--log-every", options.log_every,
                  "Steps from one step event of --json to the next")
      ->check(at_least_one())
      ->capture_default_str();
  command.add_flag("--json", options.json, "One JSON object per line");
  command.add_flag("--force", options.force, "Overwrite another run");
}

}  // namespace

void add_train(CLI::App& app, const Words& words, int& exit_code) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App& command = *app.add_subcommand("train", "Train a model on images");
  command.footer(kExamples);
  add_run_options(command, *options);
  options->settings.add_device_options(command);
  options->settings.add_model_options(command);
  command.callback(
      [options, &words, &exit_code] { exit_code = train(*options, words); });
}

}  // namespace cli
