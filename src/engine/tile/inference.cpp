// Inference (phases.hpp). `done`: images before the current batch.
#include <bit>
#include <gsl/gsl>

#include "engine/tile/phases.hpp"

namespace vae::engine::tile {

// Calls body(done) for each batch of `count` images. The workspace grows by
// powers of two, so that calls of rising size rarely allocate.
template <class T>
template <class Body>
void Inference<T>::each_batch(std::int64_t count, Body body) {
  const auto most = static_cast<std::int64_t>(c_.config.max_batch);
  const std::uint64_t images = std::bit_ceil(gsl::narrow<std::uint64_t>(count));
  c_.work.reserve(c_.plan, c_.net, c_.device,
                  {std::min(most, gsl::narrow<std::int64_t>(images)), false},
                  c_.team.threads());
  c_.weights.refresh(c_.team, false);
  for (std::int64_t done = 0; done < count; done += most) {
    c_.batch = c_.work.batch(std::min(most, count - done));
    // Tiles of a single image would have one row each.
    c_.single = c_.batch.count == 1;
    body(done);
  }
}

// images [B, H, W, C] -> heads [B, 2 * latent]
template <class T>
void Inference<T>::encode_batch(const RowSource& images, std::int64_t done) {
  c_.load_rows(images, c_.plan.image, done, floats(c_.work.input));
  encoder_.im2col(floats(c_.work.input));
  encoder_.forward(Pass::inference);
  code_.heads_forward();
}

// z [B, latent] -> output [B, H, W, C]; use(image, output) gets each image
// while it is in the cache.
template <class T>
template <class Use>
void Inference<T>::decode_batch(Use use) {
  code_.pack_codes();
  code_.expand(Pass::inference);
  decoder_.forward(Pass::inference);
  c_.each_image([&](std::int64_t i, int) {
    float* output = c_.work.rows_of(c_.work.output, i, c_.plan.image.size());
    decoder_.col2im(i, output);
    use(i, output);
  });
}

// z [B, latent] -> images [B, H, W, C] in the caller's format
template <class T>
void Inference<T>::store_images(std::int64_t done, const RowTarget& images) {
  // A Bernoulli decoder puts out logits; a picture shows probabilities.
  const bool logits = c_.config.likelihood == Likelihood::bernoulli;
  decode_batch([&](std::int64_t i, const float* output) {
    cpu::store_row(output, done + i, c_.plan.image, logits, images);
  });
}

// images [B, H, W, C] -> recon, kl [B], or sums over all images
template <class T>
void Inference<T>::score_batch(const Input& input, const Scores& scores,
                               std::int64_t done) {
  encode_batch(input.rows, done);
  // Noise by the number of the image, so that a score is repeatable.
  const NoiseKey key{c_.config.seed, Stream::eval, 0};
  const auto first = input.first_image + static_cast<std::uint64_t>(done);
  const std::int64_t latent = c_.plan.latent;
  c_.each_image([&](std::int64_t i, int) {
    float* noise = c_.work.rows_of(c_.work.noise, i, latent);
    const auto image =
        static_cast<std::uint32_t>(first + static_cast<std::uint64_t>(i));
    cpu::normal_row(key, image, latent, 1.0f, noise);
    *c_.work.rows_of(c_.work.kl, i, 1) =
        static_cast<float>(cpu::latent_row(heads(i), noise, latent, z(i)));
  });
  decode_batch([&](std::int64_t i, const float* output) {
    c_.likelihood(i, output,
                  c_.work.rows_of(c_.work.input, i, c_.plan.image.size()),
                  nullptr);
  });
  const std::int64_t count = c_.batch.count;
  if (scores.recon != nullptr)
    std::copy_n(floats(c_.work.recon), count, scores.recon + done);
  if (scores.kl != nullptr)
    std::copy_n(floats(c_.work.kl), count, scores.kl + done);
  if (scores.totals != nullptr) c_.batch_sums(nullptr, scores.totals, true);
}

template <class T>
void Inference<T>::score(const Input& input, const Scores& scores) {
  each_batch(input.rows.count,
             [&](std::int64_t done) { score_batch(input, scores, done); });
}

// images [N, H, W, C] -> mean, logvar [N, latent], either of which may be null
template <class T>
void Inference<T>::encode(const Input& input, const RowTarget& mean,
                          const RowTarget& logvar) {
  const std::int64_t latent = c_.plan.latent;
  each_batch(input.rows.count, [&](std::int64_t done) {
    encode_batch(input.rows, done);
    for (std::int64_t i = 0; i < c_.batch.count; ++i)
      for (const RowTarget* to : {&mean, &logvar})
        if (to->data != nullptr)
          std::copy_n(heads(i) + (to == &logvar ? latent : 0), latent,
                      static_cast<float*>(to->data) + (done + i) * latent);
  });
}

// codes [N, latent] -> images [N, H, W, C]
template <class T>
void Inference<T>::decode(const RowSource& codes, const RowTarget& images) {
  each_batch(codes.count, [&](std::int64_t done) {
    c_.load_rows(codes, {c_.plan.latent}, done, floats(c_.work.z));
    store_images(done, images);
  });
}

// noise by `key` -> images [N, H, W, C]
template <class T>
void Inference<T>::sample(const NoiseKey& key, std::uint64_t first_row,
                          float scale, const RowTarget& images) {
  each_batch(images.count, [&](std::int64_t done) {
    c_.each_image([&](std::int64_t i, int) {
      const auto row = static_cast<std::uint32_t>(
          first_row + static_cast<std::uint64_t>(done + i));
      cpu::normal_row(key, row, c_.plan.latent, scale, z(i));
    });
    store_images(done, images);
  });
}

// images [N, H, W, C] -> images [N, H, W, C], through the mean of the code
template <class T>
void Inference<T>::reconstruct(const Input& input, const RowTarget& images) {
  each_batch(input.rows.count, [&](std::int64_t done) {
    encode_batch(input.rows, done);
    for (std::int64_t i = 0; i < c_.batch.count; ++i)
      std::copy_n(heads(i), c_.plan.latent, z(i));
    store_images(done, images);
  });
}

template class Inference<float>;
template class Inference<Bf16>;

}  // namespace vae::engine::tile
