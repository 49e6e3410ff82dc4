// For the tests of the trainer: networks and images so small that a step takes
// a millisecond, and comparison of two trainers byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "vae/trainer.hpp"

namespace vae::testing {

/// 2 x 6 x 5 images, an odd side among them; one thread.
inline Config small_conv() {
  Config config;
  config.channels = 2, config.height = 6, config.width = 5;
  config.layers = {4, 3};
  config.latent = 3;
  config.max_batch = 8;
  config.device = DeviceKind::cpu;
  config.threads = 1;
  config.seed = 11;
  return config;
}

inline Config small_dense() {
  Config config = small_conv();
  config.net = Net::dense;
  config.layers = {10};
  return config;
}

/// `count` images of 2 x 6 x 5 in [0, 1], reproducible: soft stripes.
inline std::vector<float> some_images(std::size_t count,
                                      std::uint64_t seed = 1) {
  std::vector<float> images(count * 60);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto image = static_cast<std::uint32_t>(i / 60);
    const Words words = random_words({seed, Stream::eval, 0}, image,
                                     static_cast<std::uint32_t>(i % 60));
    const bool bright = (i % 5 + words.x[3] % 2 + image) % 3 == 0;
    images[i] = (bright ? 0.7f : 0.1f) + 0.2f * uniform(words.x[0]);
  }
  return images;
}

inline Batch batch_of(const std::vector<float>& images) {
  return Batch::of(std::span<const float>(images), images.size() / 60);
}

inline const Shape kShape{2, 6, 5};

inline Dataset some_set(std::size_t count, std::uint64_t seed = 1) {
  return Dataset::from_memory(batch_of(some_images(count, seed)), kShape);
}

inline std::vector<float> param(Trainer& trainer, const std::string& name,
                                ParamWhat what = ParamWhat::value) {
  for (const ParamInfo& info : trainer.params()) {
    if (info.name != name) continue;
    std::vector<float> values(info.elements);
    trainer.read_param(name, what, std::as_writable_bytes(std::span(values)));
    return values;
  }
  return {};
}

inline void set_param(Trainer& trainer, const std::string& name,
                      const std::vector<float>& values,
                      ParamWhat what = ParamWhat::value) {
  trainer.write_param(name, what, std::as_bytes(std::span(values)));
}

/// Every trainable tensor's elements, one after the other.
inline std::vector<float> all_params(Trainer& trainer,
                                     ParamWhat what = ParamWhat::value) {
  std::vector<float> all;
  for (const ParamInfo& info : trainer.params()) {
    if (!info.trainable) continue;
    const std::vector<float> values = param(trainer, info.name, what);
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

/// The complete state of a trainer as bytes.
inline std::vector<std::byte> bytes_of(Trainer& trainer) {
  return trainer.save(SaveWhat::checkpoint);
}

}  // namespace vae::testing
