// `vae encode`: codes of images as NumPy arrays, float32 [count, latent].
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "output.hpp"
#include "targets.hpp"

namespace cli {

namespace {

struct EncodeOptions {
  ModelInput model;
  ImagesInput images;
  std::uint64_t first = 0, count = 0;
  std::string out, logvar;
};

// Codes of all images; `logvar` only if requested. The images are read in
// parts, because they are much larger than the codes.
struct Codes {
  std::vector<float> mean, logvar;
};

Codes codes_of(vae_trainer* trainer, const Images& images, std::uint64_t first,
               std::uint64_t count, bool with_logvar) {
  constexpr std::uint64_t kPart = 1024;  // bounds the memory of images
  const std::uint64_t latent = config_of(trainer).latent;
  Codes codes{std::vector<float>(count * latent), {}};
  if (with_logvar) codes.logvar.resize(count * latent);
  for (std::uint64_t done = 0; done < count; done += kPart) {
    const std::uint64_t part = std::min(kPart, count - done);
    const auto rows = read_images(images, first + done, part);
    const vae_batch batch =
        vae_view_u8(rows.data(), part, pixels(images.shape));
    const auto output_in = [&](std::vector<float>& numbers) {
      return vae_output_f32(numbers.data() + done * latent, part * latent);
    };
    vae_output mean = output_in(codes.mean);
    vae_output logvar{};
    if (with_logvar) logvar = output_in(codes.logvar);
    check(vae_encode(trainer, &batch, &mean, with_logvar ? &logvar : nullptr));
  }
  return codes;
}

void write_codes(const std::string& path, const std::vector<float>& numbers,
                 std::uint64_t count) {
  const std::uint64_t shape[] = {count, numbers.size() / count};
  check(vae_write_array(path.c_str(), numbers.data(),
                        numbers.size() * sizeof(float), VAE_FLOAT32, shape, 2));
}

// With one name, the second array would replace the first.
void check_targets(const EncodeOptions& options) {
  check_target(options.out);
  if (options.logvar.empty()) return;
  check_target(options.logvar);
  if (same_target(options.out, options.logvar)) {
    throw Failure(VAE_E_ARGUMENT,
                  options.out + " is the name of both --out and --logvar");
  }
}

void encode(const EncodeOptions& options) {
  check_targets(options);
  const Trainer trainer = options.model.open();
  const vae_config config = config_of(trainer.get());
  const Images images = options.images.open(config);
  const std::uint64_t count =
      options.count > 0 ? options.count
                        : images.count - std::min(images.count, options.first);
  check_count(images, options.first, count);

  const bool with_logvar = !options.logvar.empty();
  const Codes codes =
      codes_of(trainer.get(), images, options.first, count, with_logvar);
  write_codes(options.out, codes.mean, count);
  if (with_logvar) write_codes(options.logvar, codes.logvar, count);
  print(options.out + "\n");
  if (with_logvar) print(options.logvar + "\n");
}

}  // namespace

void add_encode(CLI::App& app) {
  auto options = std::make_shared<EncodeOptions>();
  CLI::App& command =
      *app.add_subcommand("encode", "Write the codes of images");
  command.footer(
      "Examples:\n"
      "  vae encode --model runs/first/model.safetensors --data data/mnist \\\n"
      "      --out codes.npy\n"
      "  vae encode --model model.safetensors --data data/mnist --set train "
      "\\\n"
      "      --out mean.npy --logvar logvar.npy\n"
      "\n"
      "The files are NumPy arrays, float32 [images, latent], in the order of\n"
      "the data: numpy.load(\"codes.npy\").");
  options->model.add_options(command);
  options->images.add_options(command);
  command.add_option("--out", options->out, "File for the means (.npy)")
      ->required();
  command.add_option("--logvar", options->logvar,
                     "File for the log-variances (.npy)");
  add_whole(command, "--first", options->first, "The first image, from 0",
            Range{});
  add_whole(command, "--count", options->count, "How many images; 0: all",
            Range{});
  command.callback([options] { encode(*options); });
}

}  // namespace cli
