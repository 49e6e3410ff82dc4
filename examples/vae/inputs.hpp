// What most commands read: a trained model and a set of images, each with the
// options that name it. Opens and checks; computes nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "handles.hpp"
#include "settings.hpp"

namespace cli {

/// --model, --config and where to run it.
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
  /// Opens the set, whose images must have the shape that `config` is for.
  Images open(const vae_config& config) const;

 private:
  std::string path_, which_ = "auto";
};

/// The test set that belongs to `path`, or nothing where there is none. One
/// that is there and cannot be read is a Failure.
std::optional<Images> open_test_set(const std::string& path);

/// Refuses images of another shape than the model's.
void check_shape(const Images& images, const vae_config& config);

/// Refuses a wish for more images than there are.
void check_count(const Images& images, std::uint64_t first,
                 std::uint64_t count);

}  // namespace cli
