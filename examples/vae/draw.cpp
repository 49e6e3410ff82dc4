// `vae sample`, `vae reconstruct`, `vae interpolate`: the commands whose result
// is a picture.
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "output.hpp"
#include "pictures.hpp"

namespace cli {

namespace {

constexpr std::uint64_t kMostImages = 65536;  // in one picture

void wrote(const std::string& path) { print(path + "\n"); }

void add_picture(CLI::App& command, std::string& path) {
  command.add_option("--out", path, "PNG file to write")->capture_default_str();
}

struct SampleOptions {
  ModelInput model;
  std::uint64_t count = 64, seed = 0, first = 0;
  std::uint32_t columns = 8;
  double temperature = 1;
  std::string out = "sample.png";
};

void sample(const SampleOptions& options) {
  const Trainer trainer = options.model.open();
  vae_sampling sampling = vae_draw(options.count, options.seed);
  sampling.first = options.first;
  sampling.temperature = options.temperature;
  draw_samples(trainer.get(), sampling, options.columns, options.out);
  wrote(options.out);
}

struct ReconstructOptions {
  ModelInput model;
  ImagesInput images;
  std::uint64_t count = 32, first = 0;
  std::uint32_t columns = 4;
  std::string out = "reconstruction.png";
};

void reconstruct(const ReconstructOptions& options) {
  const Trainer trainer = options.model.open();
  const Images images = options.images.open(config_of(trainer.get()));
  check_count(images, options.first, options.count);
  draw_reconstructions(trainer.get(), images, options.first, options.count,
                       options.columns, options.out);
  wrote(options.out);
}

struct InterpolateOptions {
  ModelInput model;
  ImagesInput images;
  std::uint64_t rows = 8, first = 0;
  std::uint32_t steps = 10;
  std::string out = "interpolation.png";
};

void interpolate(const InterpolateOptions& options) {
  const Trainer trainer = options.model.open();
  const Images images = options.images.open(config_of(trainer.get()));
  check_count(images, options.first, 2 * options.rows);
  draw_interpolations(trainer.get(), images, options.first, options.rows,
                      options.steps, options.out);
  wrote(options.out);
}

}  // namespace

void add_sample(CLI::App& app) {
  auto options = std::make_shared<SampleOptions>();
  CLI::App& command =
      *app.add_subcommand("sample", "Draw images that the model invents");
  command.footer(
      "Examples:\n"
      "  vae sample --model runs/first/model.safetensors\n"
      "  vae sample --model model.safetensors --count 100 --columns 10 \\\n"
      "      --seed 7 --temperature 0.8 --out invented.png");
  options->model.add_options(command);
  command.add_option("--count", options->count, "How many images")
      ->check(CLI::Range(std::uint64_t{1}, kMostImages).description(""))
      ->capture_default_str();
  command.add_option("--columns", options->columns, "Images in a row")
      ->check(at_least_one())
      ->capture_default_str();
  command.add_option("--seed", options->seed, "Which codes are drawn")
      ->capture_default_str();
  command.add_option("--first", options->first, "Images to pass over")
      ->capture_default_str();
  command
      .add_option("--temperature", options->temperature,
                  "Scale of the codes: below 1 more usual, above more daring")
      ->capture_default_str();
  add_picture(command, options->out);
  command.callback([options] { sample(*options); });
}

void add_reconstruct(CLI::App& app) {
  auto options = std::make_shared<ReconstructOptions>();
  CLI::App& command = *app.add_subcommand(
      "reconstruct", "Draw images beside their reconstructions");
  command.footer(
      "Examples:\n"
      "  vae reconstruct --model runs/first/model.safetensors --data data/mnist"
      "\n"
      "  vae reconstruct --model model.safetensors --data photos --count 8 \\\n"
      "      --first 100 --columns 2 --out pairs.png");
  options->model.add_options(command);
  options->images.add_options(command);
  command.add_option("--count", options->count, "How many pairs")
      ->check(CLI::Range(std::uint64_t{1}, kMostImages).description(""))
      ->capture_default_str();
  command.add_option("--first", options->first, "The first image, from 0")
      ->capture_default_str();
  command.add_option("--columns", options->columns, "Pairs in a row")
      ->check(at_least_one())
      ->capture_default_str();
  add_picture(command, options->out);
  command.callback([options] { reconstruct(*options); });
}

void add_interpolate(CLI::App& app) {
  auto options = std::make_shared<InterpolateOptions>();
  CLI::App& command = *app.add_subcommand(
      "interpolate", "Draw the way from one image's code to another's");
  command.footer(
      "Examples:\n"
      "  vae interpolate --model runs/first/model.safetensors --data data/mnist"
      "\n"
      "  vae interpolate --model model.safetensors --data photos --rows 4 \\\n"
      "      --steps 16 --out ways.png\n"
      "\n"
      "Row i leads from image first + 2i to image first + 2i + 1.");
  options->model.add_options(command);
  options->images.add_options(command);
  command.add_option("--rows", options->rows, "Pairs of images")
      ->check(CLI::Range(std::uint64_t{1}, kMostImages).description(""))
      ->capture_default_str();
  command.add_option("--steps", options->steps, "Images in a row")
      ->check(CLI::Range(2, 1024).description(""))
      ->capture_default_str();
  command.add_option("--first", options->first, "The first image, from 0")
      ->capture_default_str();
  add_picture(command, options->out);
  command.callback([options] { interpolate(*options); });
}

}  // namespace cli
