// The inputs of most commands: a trained model and a set of images, with the
// options that name them. Opens and checks; computes nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "handles.hpp"
#include "settings.hpp"

namespace cli {

/// --model, --config and the device options.
class ModelInput {
 public:
  void add_options(CLI::App& app);
  Trainer open() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_, config_path_;
  Settings settings_;
};

/// The configuration in `config_path` or, without one, in the model's file.
vae_config read_config(const std::string& path, const std::string& config_path);

/// --data and --set.
class ImagesInput {
 public:
  void add_options(CLI::App& app);
  /// Opens the set; its images must have the shape of `config`.
  Images open(const vae_config& config) const;

 private:
  std::string path_, which_ = "auto";
};

/// The test set that belongs to `path`, or empty if there is none. Throws
/// Failure if it exists and cannot be read.
std::optional<Images> open_test_set(const std::string& path);

/// Throws Failure if the images do not have the model's shape.
void check_shape(const Images& images, const vae_config& config);

/// Throws Failure if more images are requested than the set has.
void check_count(const Images& images, std::uint64_t first,
                 std::uint64_t count);

}  // namespace cli
