// `vae sample`, `vae reconstruct`, `vae interpolate`: the commands that write a
// picture.
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "pictures.hpp"
#include "targets.hpp"

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
  check_target(options.out);
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
  check_target(options.out);
  const Trainer trainer = options.model.open();
  const vae_config config = config_of(trainer.get());
  check_grid(2 * options.count, shape_of(config), 2ULL * options.columns,
             options.out);
  const Images images = options.images.open(config);
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
  check_target(options.out);
  const Trainer trainer = options.model.open();
  const vae_config config = config_of(trainer.get());
  check_grid(options.rows * options.steps, shape_of(config), options.steps,
             options.out);
  const Images images = options.images.open(config);
  check_count(images, options.first, 2 * options.rows);
  draw_interpolations(trainer.get(), images, options.first, options.rows,
                      options.steps, options.out);
  wrote(options.out);
}

}  // namespace

void add_sample(CLI::App& app) {
  auto options = std::make_shared<SampleOptions>();
  CLI::App& command =
      *app.add_subcommand("sample", "Sample images from the prior");
  command.footer(
      "Examples:\n"
      "  vae sample --model runs/first/model.safetensors\n"
      "  vae sample --model model.safetensors --count 100 --columns 10 \\\n"
      "      --seed 7 --temperature 0.8 --out invented.png");
  options->model.add_options(command);
  add_whole(command, "--count", options->count, "How many images",
            {1, kMostImages});
  add_whole(command, "--columns", options->columns, "Images in a row",
            {1, kAny32.most});
  add_whole(command, "--seed", options->seed, "Which codes are drawn", Range{});
  add_whole(command, "--first", options->first, "Images to pass over", Range{});
  add_number(command, "--temperature",
             "Scale of the codes: below 1 more typical, above more varied",
             [options](double value) { options->temperature = value; })
      ->default_str("1");
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
  add_whole(command, "--count", options->count, "How many pairs",
            {1, kMostImages});
  add_whole(command, "--first", options->first, "The first image, from 0",
            Range{});
  add_whole(command, "--columns", options->columns, "Pairs in a row",
            {1, kAny32.most});
  add_picture(command, options->out);
  command.callback([options] { reconstruct(*options); });
}

void add_interpolate(CLI::App& app) {
  auto options = std::make_shared<InterpolateOptions>();
  CLI::App& command = *app.add_subcommand(
      "interpolate", "Interpolate between the codes of pairs of images");
  command.footer(
      "Examples:\n"
      "  vae interpolate --model runs/first/model.safetensors --data data/mnist"
      "\n"
      "  vae interpolate --model model.safetensors --data photos --rows 4 \\\n"
      "      --steps 16 --out ways.png\n"
      "\n"
      "Row i goes from image first + 2i to image first + 2i + 1.");
  options->model.add_options(command);
  options->images.add_options(command);
  add_whole(command, "--rows", options->rows, "Pairs of images",
            {1, kMostImages});
  add_whole(command, "--steps", options->steps, "Images in a row", {2, 1024});
  add_whole(command, "--first", options->first, "The first image, from 0",
            Range{});
  add_picture(command, options->out);
  command.callback([options] { interpolate(*options); });
}

}  // namespace cli
