// The decoder in tiles: transposed convolutions with bias and activation, the
// last of which leaves patches that are added up to images; the likelihood
// against the images that went in, and the backward of all of it.
#pragma once

#include <cstdint>

#include "engine/tile/context.hpp"

namespace vae::engine::tile {

template <class T>
class Decoder {
 public:
  explicit Decoder(Context<T>& context) : c_(context) {}

  /// From the expanded code to patches of the output.
  void forward(Mode mode);
  /// Patches to the output of one image, [H, W, C], bias included.
  void add_up(std::int64_t image, float* output) const;
  /// Losses of each image [count, H, W, C], and the slope of the patches.
  void losses(const float* images);
  /// Ends with the slope of the decoder's input.
  void backward();

 private:
  /// A layer's input, and the last product, as tasks find them.
  Map<T> input(std::size_t layer) const;
  Map<float> columns() const;
  void spread(std::int64_t image, const float* slope) const;
  void backward_tile(std::size_t i, const Spot& at, const float* g,
                     const Slope<T>& to) const;
  void sum_biases(std::size_t i) const;
  void image_bias_gradient() const;

  Context<T>& c_;
};

}  // namespace vae::engine::tile
