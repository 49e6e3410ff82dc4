// BlocksEngine: inference, in chunks of at most max_batch images, so that
// memory is bounded. All chunks of one size do the same work in the same
// buffers, so it can be recorded. `done`: images before the chunk, `n`: images
// in it.
#include <algorithm>

#include "engine/blocks/blocks_engine.hpp"
#include "engine/blocks/shapes.hpp"

namespace vae::engine::blocks {
namespace {

constexpr std::int64_t kMostAtOnce = 256;  // images per chunk

/// Rows [done, done + n) of a target.
RowTarget part(RowTarget to, std::int64_t row_elements, std::int64_t done,
               std::int64_t n) {
  const auto skip =
      static_cast<std::uint64_t>(row_elements * done) * element_size(to.type);
  to.data = static_cast<std::byte*>(to.data) + skip;
  to.count = n;
  return to;
}

/// At most max_batch, by which the host limits memory.
std::int64_t chunk_size(const Config& config) {
  return std::min<std::int64_t>(kMostAtOnce, config.max_batch);
}

/// Calls body(done, n) for each chunk of `count` images.
template <class Body>
void chunks(const Config& config, std::int64_t count, Body body) {
  const std::int64_t most = chunk_size(config);
  for (std::int64_t done = 0; done < count; done += most)
    body(done, std::min(most, count - done));
}

}  // namespace

// rows of a source -> [n, row], float32, in `to`
// The buffer is made for the largest chunk and kept: a recorded graph has its
// address.
at::Tensor BlocksEngine::load_chunk(RowSource from, model::Extent row,
                                    std::int64_t done, std::int64_t n,
                                    Buffer* to) {
  if (*to == nullptr)
    *to = device_.allocate(chunk_size(config_) * row.size() *
                           std::int64_t{sizeof(float)});
  from.first += static_cast<std::uint64_t>(done);
  from.count = n;
  operations_.load(from, row, floats(*to));
  return at::from_blob(to->get(), {n, row.size()}, options_);
}

// chunk_images_ [n, H, W, C] -> heads [n, 2 * latent]
at::Tensor BlocksEngine::encode_chunk(std::int64_t n) {
  refresh_copy();
  const auto encoded = [&] {
    return network_.encode(network_.input_view(floats(chunk_images_), n),
                           Mode::inference);
  };
  // Without recording, the result may lie anywhere: no copy.
  if (!inference_.records() && device_pass_ == nullptr) return encoded();
  if (!chunk_heads_.defined())
    chunk_heads_ = at::empty({chunk_size(config_), 2 * plan_.latent}, options_);
  const at::Tensor heads = chunk_heads_.narrow(0, 0, n);
  inference_.run({"encode", n}, [&] {
    if (device_pass_ != nullptr)
      device_pass_->encode(floats(chunk_images_), n, data(heads));
    else
      heads.copy_(encoded());
  });
  return heads;
}

// z [n, latent] -> output [n, H * W * C]
at::Tensor BlocksEngine::decode_chunk(const at::Tensor& z) {
  refresh_copy();
  if (!inference_.records() && device_pass_ == nullptr)
    return network_.decode(z, Mode::inference);
  const std::int64_t n = z.size(0), most = chunk_size(config_);
  if (!chunk_output_.defined())
    chunk_output_ = at::empty({most, plan_.image.size()}, options_);
  if (chunk_codes_ == nullptr)
    chunk_codes_ =
        device_.allocate(most * plan_.latent * std::int64_t{sizeof(float)});
  const at::Tensor codes =
      at::from_blob(chunk_codes_.get(), {n, plan_.latent}, options_);
  // decode() loads the codes into this buffer; other callers have them
  // elsewhere.
  if (z.data_ptr() != codes.data_ptr()) codes.copy_(z);
  const at::Tensor output = chunk_output_.narrow(0, 0, n);
  inference_.run({"decode", n}, [&] {
    if (device_pass_ != nullptr)
      device_pass_->decode(data(codes), n, data(output));
    else
      output.copy_(network_.decode(codes, Mode::inference));
  });
  return output;
}

// output [n, H * W * C] -> rows in the caller's format
// A Bernoulli decoder puts out logits; a picture shows probabilities.
void BlocksEngine::store_images(const at::Tensor& output, const RowTarget& to) {
  operations_.store(data(output), plan_.image,
                    config_.likelihood == Likelihood::bernoulli, to);
}

// images [n, H, W, C] -> recon, kl [n] where they are asked for, or added to
// the totals
void BlocksEngine::score_chunk(const Input& input, std::int64_t done,
                               std::int64_t n, const Scores& scores) {
  const std::int64_t latent = plan_.latent;
  const auto matrix = [&](std::int64_t columns) {
    return at::empty({n, columns}, options_);
  };
  const auto result = [&](float* wanted) {
    return wanted != nullptr ? at::from_blob(wanted + done, {n}, options_)
                             : matrix(1);
  };
  const at::Tensor rows =
      load_chunk(input.rows, plan_.image, done, n, &chunk_images_);
  const at::Tensor heads = encode_chunk(n);
  const at::Tensor noise = matrix(latent), z = matrix(latent);
  const at::Tensor kl = result(scores.kl), recon = result(scores.recon);
  const at::Tensor mse = matrix(1);
  // Noise by the number of the image, so that a score is repeatable.
  operations_.normals({{config_.seed, Stream::eval, 0},
                       nullptr,
                       input.first_image + static_cast<std::uint64_t>(done),
                       n,
                       latent,
                       1.0f,
                       data(noise)});
  operations_.latent({data(heads), data(noise), data(z), data(kl), n, latent});
  const at::Tensor output = decode_chunk(z);
  operations_.reconstruction({data(output), data(rows), nullptr, data(recon),
                              data(mse), n, plan_.image.size(),
                              config_.likelihood, config_.gaussian_sigma});
  if (scores.totals != nullptr)
    operations_.batch_sums({data(heads), data(recon), data(kl), data(mse),
                            nullptr, n, latent, control(), true,
                            scores.totals});
}

void BlocksEngine::score(const Input& input, const Scores& scores) {
  run([&] {
    chunks(config_, input.rows.count, [&](std::int64_t done, std::int64_t n) {
      score_chunk(input, done, n, scores);
    });
  });
}

// images [N, H, W, C] -> mean, logvar [N, latent]
void BlocksEngine::encode(const Input& input, const RowTarget& mean,
                          const RowTarget& logvar) {
  run([&] {
    const std::int64_t latent = plan_.latent;
    chunks(config_, input.rows.count, [&](std::int64_t done, std::int64_t n) {
      load_chunk(input.rows, plan_.image, done, n, &chunk_images_);
      const at::Tensor heads = encode_chunk(n);
      if (mean.data != nullptr)
        operations_.store_columns(data(heads), 2 * latent, 0, latent,
                                  part(mean, latent, done, n));
      if (logvar.data != nullptr)
        operations_.store_columns(data(heads), 2 * latent, latent, latent,
                                  part(logvar, latent, done, n));
    });
  });
}

// codes [N, latent] -> images [N, H, W, C]
void BlocksEngine::decode(const RowSource& codes, const RowTarget& images) {
  run([&] {
    chunks(config_, codes.count, [&](std::int64_t done, std::int64_t n) {
      const at::Tensor z =
          load_chunk(codes, {plan_.latent}, done, n, &chunk_codes_);
      store_images(decode_chunk(z), part(images, plan_.image.size(), done, n));
    });
  });
}

// noise by `key` -> images [N, H, W, C]
void BlocksEngine::sample(const NoiseKey& key, std::uint64_t first_row,
                          float scale, const RowTarget& images) {
  run([&] {
    chunks(config_, images.count, [&](std::int64_t done, std::int64_t n) {
      const at::Tensor z = at::empty({n, plan_.latent}, options_);
      operations_.normals({key, nullptr,
                           first_row + static_cast<std::uint64_t>(done), n,
                           plan_.latent, scale, data(z)});
      store_images(decode_chunk(z), part(images, plan_.image.size(), done, n));
    });
  });
}

// images [N, H, W, C] -> images [N, H, W, C], through the mean of the code
void BlocksEngine::reconstruct(const Input& input, const RowTarget& images) {
  run([&] {
    chunks(config_, input.rows.count, [&](std::int64_t done, std::int64_t n) {
      load_chunk(input.rows, plan_.image, done, n, &chunk_images_);
      const at::Tensor means =
          encode_chunk(n).narrow(1, 0, plan_.latent).contiguous();
      store_images(decode_chunk(means),
                   part(images, plan_.image.size(), done, n));
    });
  });
}

}  // namespace vae::engine::blocks
