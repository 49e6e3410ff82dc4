// Weights as right operands of GEMMs: packed copies of the trained parameters,
// packed again after those have changed. Never saved, never trained.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tile/maps.hpp"
#include "engine/tile/products.hpp"
#include "engine/tile/team.hpp"

namespace vae::engine::tile {

/// One weight in the flat buffer: tiles [rows][columns], one after the other.
struct Weight {
  std::int64_t offset, tiles, rows, columns;
  bool backward;  // whether the gradient of the layer's input is ever needed
};

/// Rows of a right operand, the k of a GEMM: even for bfloat16, which
/// multiplies pairs.
template <class T>
constexpr std::int64_t depth(std::int64_t rows) {
  return sizeof(T) == sizeof(float) ? rows : even(rows);
}

template <class T>
class PackedWeights {
 public:
  PackedWeights(Device& device, std::vector<Weight> weights);

  void attach(const float* params);
  /// The parameters have changed.
  void invalidate() { forward_stale_ = backward_stale_ = true; }
  /// Packs what is stale, before GEMMs of the forward pass or of both. One
  /// phase of the team.
  void refresh(Team& team, bool backward);

  /// Right operand of the forward GEMM with a tile [rows, columns], and of the
  /// GEMM with its transpose [columns, rows].
  const T* forward(int weight, std::int64_t tile) const;
  const T* backward(int weight, std::int64_t tile) const;
  const Weight& weight(int index) const {
    return weights_[static_cast<std::size_t>(index)];
  }

 private:
  static constexpr bool kForwardIsParam = sizeof(T) == sizeof(float);
  struct Copy {
    std::int64_t first_forward, first_backward;  // in their memory
    std::int64_t forward_size, backward_size;    // of a tile
  };
  void refresh_tile(std::int64_t task, bool forward, bool backward);

  std::vector<Weight> weights_;
  std::vector<Copy> copies_;
  std::vector<std::int64_t> first_task_;
  Buffer forward_, backward_;
  const float* params_ = nullptr;
  bool forward_stale_ = true, backward_stale_ = true;
};

}  // namespace vae::engine::tile
