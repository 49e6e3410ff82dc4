// The parts of a pass, in the order of the data: encoder, latent code, decoder;
// and inference, which runs their forward functions. Each function is one or a
// few phases of the team; docs/tile.md lists them with what they read and
// write. Formulas of one row or tile are elsewhere.
#pragma once

#include <cstdint>

#include "engine/engine.hpp"
#include "engine/tile/context.hpp"

namespace vae::engine::tile {

/// Images to features: im2col, then convolutions with BatchNorm and activation.
template <class T>
class Encoder {
 public:
  explicit Encoder(Context<T>& context) : c_(context) {}

  /// images [B, H, W, C] -> Workspace::patches.
  void im2col(const float* images);
  /// patches -> x of each layer; its last one is the features.
  void forward(Pass pass);
  /// From g of the last layer, whose tiles went through backward_tile(), to the
  /// gradients of all parameters.
  void backward();
  /// Epilogue of the GEMM that gave g, the gradient of layer i's output: back
  /// through the activation, and the sums that BatchNorm's backward needs.
  void backward_tile(std::size_t i, const TileIndex& at, float* g);

 private:
  void forward_by_batch(std::size_t i, const Map<T>& x);
  void forward_by_running(std::size_t i, const Map<T>& x);
  void combine_moments(std::size_t i, std::int64_t block);
  void combine_norm_sums(std::size_t i, std::int64_t block);
  void norm_backward_phase(std::size_t i);

  Context<T>& c_;
};

/// Features to the latent code (reparameterised, Kingma & Welling 2014) and to
/// the decoder's input. Rows of the code also lie in plain matrices [B,
/// latent], for the formulas that all engines share.
template <class T>
class Code {
 public:
  explicit Code(Context<T>& context) : c_(context) {}

  /// features -> heads [B, 2 * latent].
  void heads_forward();
  /// heads and the step's noise -> z [B, latent] and KL [B].
  void draw(std::uint64_t first_image);
  /// z [B, latent] of the workspace, which the caller filled, -> tiles.
  void pack_codes();
  /// z -> the decoder's input.
  void expand(Pass pass);

  /// Gradient of the decoder's input -> gradient of the heads.
  void expand_backward();
  /// Gradient of the heads -> g of the encoder's last layer.
  void heads_backward(Encoder<T>& encoder);

 private:
  void sum_heads(std::int64_t image);
  void store(std::int64_t image, bool transposed);
  void heads_gradient(std::int64_t image);
  void bias_gradients();

  Context<T>& c_;
};

/// The expanded code to images: transposed convolutions with bias and
/// activation, of which the last one ends in col2im; and the likelihood.
template <class T>
class Decoder {
 public:
  explicit Decoder(Context<T>& context) : c_(context) {}

  /// decoder_in[0] -> Workspace::columns.
  void forward(Pass pass);
  /// columns -> output of one image, [H, W, C], bias included.
  void col2im(std::int64_t image, float* output) const;
  /// columns and images [B, H, W, C] -> losses [B], and dcolumns.
  void losses(const float* images);
  /// dcolumns -> gradient of the decoder's input.
  void backward();

 private:
  Map<T> input(std::size_t i) const;
  Map<float> columns() const;
  void im2col(std::int64_t image, const float* gradient) const;
  void backward_tile(std::size_t i, const TileIndex& at, const float* g,
                     const Gradient<T>& to) const;
  void sum_biases(std::size_t i) const;
  void image_bias_gradient() const;

  Context<T>& c_;
};

/// What the engine does for a model without training it: encode, decode,
/// sample, reconstruct and score any number of images, in batches of at most
/// max_batch. Changes no parameter and no training state.
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

}  // namespace vae::engine::tile
