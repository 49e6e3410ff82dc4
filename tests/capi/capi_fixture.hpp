// For the tests of the C API: a small model, computed images, and checks that
// show the library's error text when they fail.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "vae.h"

namespace capi_test {

inline constexpr std::uint32_t kSide = 12;
inline constexpr std::uint64_t kPixels = kSide * kSide;
inline constexpr std::uint32_t kLatent = 4;
inline constexpr std::uint32_t kMaxBatch = 16;

/// 1x12x12 images, three convolutions of 8 channels, one CPU thread.
inline vae_config small_config() {
  vae_config config = vae_default_config();
  config.height = config.width = kSide;
  config.latent = kLatent;
  config.layers[0] = config.layers[1] = config.layers[2] = 8;
  config.max_batch = kMaxBatch;
  config.seed = 7;
  config.threads = 1;
  config.device = VAE_CPU;
  return config;
}

/// The same size of images, fully connected: any numbers as pixels.
inline vae_config gaussian_config() {
  vae_config config = small_config();
  config.net = VAE_NET_DENSE;
  config.layer_count = 1;
  config.layers[0] = 16;
  config.layers[1] = config.layers[2] = 0;
  config.likelihood = VAE_GAUSSIAN;
  return config;
}

struct DestroyTrainer {
  void operator()(vae_trainer* trainer) const { vae_destroy(trainer); }
};
struct DestroyDataset {
  void operator()(vae_dataset* dataset) const { vae_dataset_destroy(dataset); }
};
using Trainer = std::unique_ptr<vae_trainer, DestroyTrainer>;
using Dataset = std::unique_ptr<vae_dataset, DestroyDataset>;

inline void good(vae_status status) {
  REQUIRE_MESSAGE(status == VAE_OK, vae_status_name(status), ": ",
                  vae_last_error());
}

/// The call failed with `expected`, and its text contains all `parts`.
inline void refused(vae_status status, vae_status expected,
                    std::initializer_list<std::string> parts = {}) {
  const std::string text = vae_last_error();
  CAPTURE(text);
  CHECK(std::string(vae_status_name(status)) == vae_status_name(expected));
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

inline Trainer make_trainer(const vae_config& config = small_config()) {
  vae_trainer* trainer = nullptr;
  good(vae_create(&config, &trainer));
  REQUIRE(trainer != nullptr);
  return Trainer(trainer);
}

/// Bright rectangles on a dark ground, different for every image and `set`.
inline std::vector<std::uint8_t> pictures(std::uint64_t count,
                                          std::uint32_t set = 0) {
  std::vector<std::uint8_t> pixels(count * kPixels, 16);
  std::uint32_t state = 12345u + set * 977u;
  for (std::uint64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::uint32_t top = (state >> 8) % 6, left = (state >> 16) % 6;
    const std::uint32_t size = 3 + (state >> 24) % 4;
    for (std::uint32_t y = top; y < top + size; ++y)
      for (std::uint32_t x = left; x < left + size; ++x)
        pixels[i * kPixels + y * kSide + x] = 230;
  }
  return pixels;
}

inline vae_batch view(const std::vector<std::uint8_t>& pixels) {
  return vae_view_u8(pixels.data(), pixels.size() / kPixels, kPixels);
}

inline void train(vae_trainer* trainer, std::uint32_t first,
                  std::uint32_t steps) {
  for (std::uint32_t step = first; step < first + steps; ++step) {
    const auto pixels = pictures(8, step);
    const vae_batch batch = view(pixels);
    good(vae_train_step(trainer, &batch, nullptr));
  }
}

inline Dataset make_dataset(std::uint64_t count) {
  const auto pixels = pictures(count, 99);
  std::vector<std::int32_t> labels(count);
  for (std::uint64_t i = 0; i < count; ++i)
    labels[i] = static_cast<std::int32_t>(i % 3);
  vae_batch all = view(pixels);
  all.labels = labels.data();
  const std::uint32_t shape[3] = {1, kSide, kSide};
  vae_dataset* dataset = nullptr;
  good(vae_dataset_from_memory(&all, shape, &dataset));
  return Dataset(dataset);
}

/// The complete state of a trainer, as the bytes of a checkpoint.
inline std::vector<std::uint8_t> saved(
    vae_trainer* trainer, std::int32_t what = VAE_SAVE_CHECKPOINT) {
  std::uint64_t needed = 0;
  good(vae_save_memory(trainer, what, nullptr, 0, &needed));
  std::vector<std::uint8_t> bytes(needed);
  good(vae_save_memory(trainer, what, bytes.data(), bytes.size(), nullptr));
  return bytes;
}

inline Trainer loaded(const std::vector<std::uint8_t>& bytes,
                      const vae_config* config = nullptr) {
  vae_trainer* trainer = nullptr;
  good(vae_load_memory(bytes.data(), bytes.size(), config, &trainer));
  return Trainer(trainer);
}

inline std::vector<float> encoded(vae_trainer* trainer,
                                  const std::vector<std::uint8_t>& pixels) {
  const vae_batch batch = view(pixels);
  std::vector<float> means(batch.count * kLatent);
  vae_output output = vae_output_f32(means.data(), means.size());
  good(vae_encode(trainer, &batch, &output, nullptr));
  return means;
}

inline double get(vae_trainer* trainer, std::int32_t key) {
  double value = -1;
  good(vae_get(trainer, key, &value));
  return value;
}

}  // namespace capi_test
