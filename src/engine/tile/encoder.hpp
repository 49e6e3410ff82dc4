// The encoder in tiles: patches of the images, convolutions with BatchNorm and
// activation, and the backward of all of it. Begins with images and ends with
// the features of its last layer.
#pragma once

#include <cstdint>

#include "engine/tile/context.hpp"

namespace vae::engine::tile {

template <class T>
class Encoder {
 public:
  explicit Encoder(Context<T>& context) : c_(context) {}

  /// Images [count, H, W, C].
  void make_patches(const float* images);
  void forward(Mode mode);
  /// From g of the last layer on, whose tiles went through backward_tile().
  void backward();
  /// The epilogue of a product that gave g, the derivative by layer i's output:
  /// back through the activation, and the sums that BatchNorm's backward needs.
  void backward_tile(std::size_t i, const Spot& at, float* g);

 private:
  void normed_forward(std::size_t i, const Map<T>& x);
  void running_forward(std::size_t i, const Map<T>& x);
  void combine_moments(std::size_t i, std::int64_t block);
  void combine_norm_sums(std::size_t i, std::int64_t block);
  void norm_backward_phase(std::size_t i);
  void first_weight_gradient();

  Context<T>& c_;
};

}  // namespace vae::engine::tile
