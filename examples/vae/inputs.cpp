// Opening a model and a set of images; all refusals name the file.
#include "inputs.hpp"

#include <filesystem>

namespace cli {

void ModelInput::add_options(CLI::App& app) {
  app.add_option("--model", path_, "Model or checkpoint to use")->required();
  app.add_option("--config", config_path_,
                 "Configuration (JSON) of a model that libvae did not write");
  settings_.add_device_options(app);
}

Trainer ModelInput::open() const {
  vae_config base = default_config();
  const std::string& source = config_path_.empty() ? path_ : config_path_;
  check(vae_config_from_file(&base, source.c_str()));
  // A file may come from a machine with a GPU to one without.
  base.device = VAE_AUTO;
  return load_trainer(path_, settings_.apply(base));
}

void ImagesInput::add_options(CLI::App& app) {
  app.add_option("--data", path_,
                 "Folder of MNIST files or of PNGs, or one IDX file")
      ->required();
  app.add_option("--set", which_,
                 "Which images; auto: the test set if there is one")
      ->check(CLI::IsMember({"auto", "train", "test"}))
      ->capture_default_str();
}

Images ImagesInput::open(const vae_config& config) const {
  std::optional<Images> images;
  if (which_ != "train") images = open_test_set(path_);
  if (!images && which_ == "test") {
    throw Failure(VAE_E_FILE, path_ + " has no test set");
  }
  if (!images) images = open_images(path_);
  check_shape(*images, config);
  return std::move(*images);
}

std::optional<Images> open_test_set(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return std::nullopt;
  const auto test = (std::filesystem::path(path) / "test").string();
  try {
    return open_images(test);
  } catch (const Failure& failure) {
    // VAE_E_FILE means that nothing is there; a broken set is an error.
    if (failure.status() != VAE_E_FILE) throw;
    return std::nullopt;
  }
}

void check_shape(const Images& images, const vae_config& config) {
  if (images.shape == shape_of(config)) return;
  throw Failure(VAE_E_ARGUMENT,
                "images of " + images.path + " are " + to_string(images.shape) +
                    ", the model is for " + to_string(shape_of(config)));
}

void check_count(const Images& images, std::uint64_t first,
                 std::uint64_t count) {
  if (count > 0 && first <= images.count && count <= images.count - first) {
    return;
  }
  throw Failure(VAE_E_ARGUMENT, "images " + std::to_string(first) + " to " +
                                    std::to_string(first + count) +
                                    " were asked for, " + images.path +
                                    " has " + std::to_string(images.count));
}

}  // namespace cli
