// RAII handles, exceptions and initialised structs for vae.h. Not another API.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "vae.h"

namespace cli {

/// A failed call of vae.h, with the library's text.
class Failure : public std::runtime_error {
 public:
  Failure(vae_status status, const std::string& text)
      : std::runtime_error(text), status_(status) {}
  vae_status status() const noexcept { return status_; }

 private:
  vae_status status_;
};

/// Throws Failure with the library's text unless `status` is VAE_OK.
void check(vae_status status);

/// A struct of vae.h, filled by its init function:
/// `auto run = initialised(vae_run_init)`.
template <class Struct>
Struct initialised(vae_status (*init)(Struct*, std::uint32_t)) {
  Struct made{};
  check(init(&made, sizeof made));
  return made;
}

/// The default configuration: the original program's.
vae_config default_config();

struct Destroy {
  void operator()(vae_trainer* trainer) const noexcept { vae_destroy(trainer); }
  void operator()(vae_dataset* set) const noexcept { vae_dataset_destroy(set); }
};
using Trainer = std::unique_ptr<vae_trainer, Destroy>;
using Dataset = std::unique_ptr<vae_dataset, Destroy>;

using Shape = std::array<std::uint32_t, 3>;  // channels, height, width

/// "1x28x28".
std::string to_string(const Shape& shape);
std::uint64_t pixels(const Shape& shape);
Shape shape_of(const vae_config& config);

/// A dataset and its properties.
struct Images {
  Dataset set;
  std::string path;
  std::string part = "all";  // of what the path holds: "train", "test", "all"
  std::vector<std::string> warnings;  // of the library when it was opened
  std::uint64_t count = 0;
  Shape shape{};
  std::uint32_t classes = 0;
};
Images open_images(const std::string& path);

/// Images [first, first + count) as bytes, [count][C][H][W].
std::vector<std::uint8_t> read_images(const Images& images, std::uint64_t first,
                                      std::uint64_t count);

Trainer load_trainer(const std::string& path, const vae_config& config);
vae_config config_of(vae_trainer* trainer);
/// A counter such as VAE_STEP.
std::uint64_t counter(vae_trainer* trainer, std::int32_t key);

/// Both calls of the library's (buffer, capacity, needed) pattern.
template <class Call>
std::string text_from(Call call) {
  std::uint64_t needed = 0;
  if (const vae_status asked = call(nullptr, 0, &needed);
      asked != VAE_E_TOO_SMALL) {
    check(asked);
  }
  std::vector<char> text(needed + 1);
  check(call(text.data(), text.size(), &needed));
  return text.data();
}

}  // namespace cli
