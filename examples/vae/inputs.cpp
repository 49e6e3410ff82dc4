// Opens a model and a set of images; every error names the file.
#include "inputs.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "kind.hpp"
#include "output.hpp"

namespace cli {

namespace {

// Whether the name exists, also as a dangling link.
bool is_there(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  throw Failure(VAE_E_FILE, path + " cannot be read: " + reason(errno));
}

// Whether a folder has the set "train" or "test", by one of the names that
// vae_dataset_open() looks for. An existing set is opened, which fails if it is
// damaged: a failure must not be mistaken for a missing set.
bool has_part(const std::string& path, const std::string& part) {
  if (is_there(path + "/" + part)) return true;
  const std::string stem =
      path + (part == "test" ? "/t10k" : "/train") + "-images";
  for (const char* end :
       {"-idx3-ubyte", ".idx3-ubyte", "-idx3-ubyte.gz", ".idx3-ubyte.gz"}) {
    if (is_there(stem + end)) return true;
  }
  return false;
}

}  // namespace

void ModelInput::add_options(CLI::App& app) {
  app.add_option("--model", path_, "Model or checkpoint to use")->required();
  app.add_option("--config", config_path_,
                 "Configuration (JSON) of a model that libvae did not write");
  settings_.add_device_options(app);
}

Trainer ModelInput::open() const {
  vae_config base = read_config(path_, config_path_);
  // The file may be from a machine with a GPU, and this one may have none.
  base.device = VAE_AUTO;
  return load_trainer(path_, settings_.apply(base));
}

vae_config read_config(const std::string& path,
                       const std::string& config_path) {
  vae_config config = default_config();
  if (!config_path.empty()) {
    check(vae_config_from_file(&config, config_path.c_str()));
    return config;
  }
  const vae_status status = vae_config_from_file(&config, path.c_str());
  // Checked here, because the library's text would not name the option.
  if (status == VAE_E_FORMAT && kind_of_file(path).empty() &&
      std::string_view(vae_last_error()).find("holds no configuration") !=
          std::string_view::npos) {
    throw Failure(status, path +
                              " holds no configuration, as PyTorch's files "
                              "do; name a JSON file with the model's by "
                              "--config FILE");
  }
  check(status);
  return config;
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
    throw Failure(VAE_E_FILE, path_ + " has no test set: neither " + path_ +
                                  "/test nor t10k-images-idx3-ubyte in it");
  }
  if (!images) {
    images = open_images(path_);
    images->part = has_part(path_, "train") ? "train" : "all";
  }
  for (const auto& text : images->warnings) complain("warning: " + text);
  check_shape(*images, config);
  return std::move(*images);
}

std::optional<Images> open_test_set(const std::string& path) {
  if (!has_part(path, "test")) return std::nullopt;
  Images images = open_images(path + (path.ends_with('/') ? "test" : "/test"));
  images.part = "test";
  return images;
}

void check_shape(const Images& images, const vae_config& config) {
  if (images.shape == shape_of(config)) return;
  throw Failure(VAE_E_ARGUMENT,
                images.path + ": its images are " + to_string(images.shape) +
                    ", the model is for " + to_string(shape_of(config)));
}

void check_count(const Images& images, std::uint64_t first,
                 std::uint64_t count) {
  if (count > 0 && first <= images.count && count <= images.count - first) {
    return;
  }
  throw Failure(VAE_E_ARGUMENT,
                images.path + " has " + std::to_string(images.count) +
                    " images; " + std::to_string(count) + " from number " +
                    std::to_string(first) + " on were requested");
}

}  // namespace cli
