// Trainer's calls with vectors, arrays and spans: each creates the views and
// the result buffers and makes one call. Declared in trainer.hpp; all inline,
// without an ABI.
#pragma once

#include <algorithm>
#include <type_traits>

#include "vae/trainer.hpp"

namespace vae {

namespace detail {

/// A view of images of the trainer's shape.
template <Numbers Images>
Batch images_for(const Trainer& trainer, const Images& images) {
  return Batch::rows_of(images, elements(trainer.shape()));
}

/// Calls `call(output)` with a buffer for `count` images and returns it.
template <Pixel T, class Call>
std::vector<T> images_from(const Trainer& trainer, std::uint64_t count,
                           const Call& call) {
  std::vector<T> images(count * elements(trainer.shape()));
  Output output = Output::of(images);
  call(output);
  return images;
}

}  // namespace detail

inline Shape Trainer::shape() const {
  const Config config = this->config();
  return {config.channels, config.height, config.width};
}

template <Numbers Images>
void Trainer::train_step(const Images& images, Metrics* metrics) {
  train_step(detail::images_for(*this, images), metrics);
}

template <Numbers Images>
Metrics Trainer::eval_step(const Images& images) {
  return eval_step(detail::images_for(*this, images));
}

template <Numbers Images>
Scores Trainer::score(const Images& images) {
  const Batch batch = detail::images_for(*this, images);
  Scores scores{std::vector<float>(batch.count),
                std::vector<float>(batch.count)};
  Output reconstruction = Output::of(scores.reconstruction);
  Output kl = Output::of(scores.kl);
  score(batch, &reconstruction, &kl);
  return scores;
}

template <Numbers Images>
Codes Trainer::encode(const Images& images) {
  const Batch batch = detail::images_for(*this, images);
  const std::uint64_t size = batch.count * config().latent;
  Codes codes{std::vector<float>(size), std::vector<float>(size)};
  Output mean = Output::of(codes.mean), logvar = Output::of(codes.logvar);
  encode(batch, &mean, &logvar);
  return codes;
}

template <Pixel T>
std::vector<T> Trainer::decode(std::span<const float> codes) {
  const Batch batch = Batch::rows_of(codes, config().latent);
  return detail::images_from<T>(*this, batch.count,
                                [&](Output& output) { decode(batch, output); });
}

template <Pixel T>
std::vector<T> Trainer::sample(const Sampling& sampling) {
  return detail::images_from<T>(
      *this, sampling.count, [&](Output& output) { sample(sampling, output); });
}

template <Pixel T, Numbers Images>
std::vector<T> Trainer::reconstruct(const Images& images) {
  const Batch batch = detail::images_for(*this, images);
  return detail::images_from<T>(
      *this, batch.count, [&](Output& output) { reconstruct(batch, output); });
}

template <class T>
std::vector<T> Trainer::read_param(const std::string& name, ParamWhat what) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::int64_t>,
                "a tensor holds float or std::int64_t");
  const bool floats = std::is_same_v<T, float>;
  const auto& all = params();
  const auto info = std::find_if(all.begin(), all.end(), [&](const auto& one) {
    return one.name == name;
  });
  // For an unknown name the call below throws.
  if (info != all.end() && (info->type == ElementType::float32) != floats)
    throw Error(Status::argument, "'" + name + "' does not hold numbers of " +
                                      (floats ? "float32" : "int64"));
  std::vector<T> numbers(info == all.end() ? 0 : info->elements);
  read_param(name, what, std::as_writable_bytes(std::span(numbers)));
  return numbers;
}

inline void Trainer::write_param(const std::string& name, ParamWhat what,
                                 std::span<const float> numbers) {
  write_param(name, what, std::as_bytes(numbers));
}

}  // namespace vae
