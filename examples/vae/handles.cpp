// Thin wrappers of vae.h. Every status is checked here or by check().
#include "handles.hpp"

namespace cli {

void check(vae_status status) {
  if (status != VAE_OK) throw Failure(status, vae_last_error());
}

vae_config default_config() {
  vae_config config{};
  check(vae_config_init(&config, sizeof config, VAE_ABI_VERSION));
  return config;
}

std::string to_string(const Shape& shape) {
  return std::to_string(shape[0]) + "x" + std::to_string(shape[1]) + "x" +
         std::to_string(shape[2]);
}

std::uint64_t pixels(const Shape& shape) {
  return std::uint64_t{shape[0]} * shape[1] * shape[2];
}

Shape shape_of(const vae_config& config) {
  return {config.channels, config.height, config.width};
}

Images open_images(const std::string& path) {
  Images images;
  vae_dataset* set = nullptr;
  const auto keep = [](std::int32_t, const char* text, void* to) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(text);
  };
  check(vae_set_log_callback(keep, &images.warnings, VAE_LOG_WARNING));
  const vae_status opened = vae_dataset_open(path.c_str(), nullptr, &set);
  check(vae_set_log_callback(nullptr, nullptr, 0));
  check(opened);
  images.set.reset(set);
  images.path = path;
  check(vae_dataset_info(set, &images.count, images.shape.data(),
                         &images.classes));
  return images;
}

std::vector<std::uint8_t> read_images(const Images& images, std::uint64_t first,
                                      std::uint64_t count) {
  std::vector<std::uint8_t> rows(count * pixels(images.shape));
  vae_output output = vae_output_u8(rows.data(), rows.size());
  check(vae_dataset_read(images.set.get(), first, count, &output, nullptr, 0));
  return rows;
}

Trainer load_trainer(const std::string& path, const vae_config& config) {
  vae_trainer* trainer = nullptr;
  check(vae_load(path.c_str(), &config, &trainer));
  return Trainer(trainer);
}

vae_config config_of(vae_trainer* trainer) {
  vae_config config = default_config();
  check(vae_get_config(trainer, &config));
  return config;
}

std::uint64_t counter(vae_trainer* trainer, std::int32_t key) {
  double value = 0;
  check(vae_get(trainer, key, &value));
  return static_cast<std::uint64_t>(value);
}

}  // namespace cli
