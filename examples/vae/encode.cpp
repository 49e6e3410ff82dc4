// `vae encode`: codes of images as NumPy arrays, float32 [count, latent].
#include <algorithm>
#include <bit>
#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "inputs.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "targets.hpp"

namespace cli {

namespace {

static_assert(std::endian::native == std::endian::little);

struct EncodeOptions {
  ModelInput model;
  ImagesInput images;
  std::uint64_t first = 0, count = 0;
  std::string out, logvar;
};

// One array in NumPy's format 1.0.
class NpyFile {
 public:
  NpyFile(const std::string& path, std::uint64_t rows, std::uint64_t columns)
      : file_(path) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                         std::to_string(rows) + ", " + std::to_string(columns) +
                         "), }";
    header.append(63 - (10 + header.size()) % 64, ' ');
    header += '\n';
    file_.add(std::string("\x93NUMPY\x01\x00", 8) +
              static_cast<char>(header.size() & 0xff) +
              static_cast<char>(header.size() >> 8) + header);
  }

  void add(const std::vector<float>& rows) {
    file_.add({reinterpret_cast<const char*>(rows.data()),
               rows.size() * sizeof(float)});
  }

  void finish() { file_.finish(); }

 private:
  NewFile file_;
};

// Two arrays of one name would be one of them.
void check_targets(const EncodeOptions& options) {
  check_target(options.out);
  if (options.logvar.empty()) return;
  check_target(options.logvar);
  const auto normal = [](const std::string& path) {
    return std::filesystem::absolute(link_target(path)).lexically_normal();
  };
  if (normal(options.out) == normal(options.logvar)) {
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

  NpyFile means(options.out, count, config.latent);
  std::optional<NpyFile> logvars;
  if (!options.logvar.empty()) {
    logvars.emplace(options.logvar, count, config.latent);
  }
  constexpr std::uint64_t kPart = 1024;  // bounds the memory
  for (std::uint64_t done = 0; done < count; done += kPart) {
    const std::uint64_t part = std::min(kPart, count - done);
    const auto rows = read_images(images, options.first + done, part);
    const vae_batch batch =
        vae_view_u8(rows.data(), part, pixels(images.shape));
    std::vector<float> mean(part * config.latent), logvar(mean.size());
    vae_output mean_room = vae_room_f32(mean.data(), mean.size());
    vae_output logvar_room = vae_room_f32(logvar.data(), logvar.size());
    check(vae_encode(trainer.get(), &batch, &mean_room,
                     logvars ? &logvar_room : nullptr));
    means.add(mean);
    if (logvars) logvars->add(logvar);
  }
  means.finish();
  if (logvars) logvars->finish();
  print(options.out + "\n");
  if (logvars) print(options.logvar + "\n");
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
