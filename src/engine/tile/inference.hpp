// What the tile engine does for a model without training it: encode, decode,
// sample, reconstruct and score any number of images, in batches of at most
// max_batch. Changes no parameter and no training state.
#pragma once

#include <cstdint>

#include "engine/engine.hpp"
#include "engine/tile/phases.hpp"

namespace vae::engine::tile {

template <class T>
class Inference {
 public:
  Inference(Context<T>& context, Encoder<T>& encoder, Code<T>& code,
            Decoder<T>& decoder)
      : c_(context), encoder_(encoder), code_(code), decoder_(decoder) {}

  // As Engine's functions of the same names.
  void score(const Input& input, const Scores& scores);
  void encode(const Input& input, const RowTarget& mean,
              const RowTarget& logvar);
  void decode(const RowSource& codes, const RowTarget& images);
  void sample(const NoiseKey& key, std::uint64_t first_row, float scale,
              const RowTarget& images);
  void reconstruct(const Input& input, const RowTarget& images);

 private:
  template <class Body>
  void each_batch(std::int64_t count, Body body);
  void encode_batch(const RowSource& images, std::int64_t done);
  template <class Use>
  void decode_batch(Use use);
  void store_images(std::int64_t done, const RowTarget& images);
  void score_batch(const Input& input, const Scores& scores, std::int64_t done);
  float* heads(std::int64_t image) const {
    return c_.work.rows_of(c_.work.heads, image, 2 * c_.plan.latent);
  }
  float* z(std::int64_t image) const {
    return c_.work.rows_of(c_.work.z, image, c_.plan.latent);
  }

  Context<T>& c_;
  Encoder<T>& encoder_;
  Code<T>& code_;
  Decoder<T>& decoder_;
};

/// Rows [done, done + batch) of a source into `to`, [batch, row].
template <class T>
void load_rows(const Context<T>& c, const RowSource& from, model::Extent row,
               std::int64_t done, float* to) {
  c.each_image([&](std::int64_t i, int) {
    cpu::load_row(from, done + i, row, to + i * row.size());
  });
}

}  // namespace vae::engine::tile
