// Around the code in tiles: the heads and the reparameterised code (Kingma &
// Welling 2014), its expansion to the decoder's first image, and the backward
// of both. Rows of the code lie in plain matrices too, whose formulas are those
// of every engine.
#pragma once

#include <cstdint>

#include "engine/tile/context.hpp"
#include "engine/tile/encoder.hpp"

namespace vae::engine::tile {

template <class T>
class Code {
 public:
  explicit Code(Context<T>& context) : c_(context) {}

  /// Features to heads [count, 2 * latent].
  void heads_forward();
  /// Heads and noise of the step to the code and its KL.
  void draw(std::uint64_t first_image);
  /// A code that the caller drew or encoded, [count, latent].
  void take(const float* codes);
  /// The code to the decoder's input.
  void expand(Mode mode);

  /// From the slope of the decoder's input; ends with that of the heads.
  void expand_backward();
  /// Ends with g of the encoder's last layer.
  void heads_backward(Encoder<T>& encoder);

 private:
  void sum_heads(std::int64_t image);
  void store(std::int64_t image, bool transposed);
  void slope_of_heads(std::int64_t image);
  void sum_dz(std::int64_t image, float* dz) const;
  void bias_gradients();

  Context<T>& c_;
};

}  // namespace vae::engine::tile
