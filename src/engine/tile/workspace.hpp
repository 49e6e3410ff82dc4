// All memory of a pass over a number of images: activations in tiles, and for
// training also transposed activations, which weight gradients read, gradients,
// and partial sums. A smaller batch uses the first part of each buffer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/tile/geometry.hpp"
#include "engine/tile/network.hpp"
#include "vae/config.hpp"

namespace vae::engine::tile {

/// A layer with BatchNorm: GEMM output, layer output, and what its backward
/// needs.
template <class T>
struct NormLayer {
  Map<float> y;       // of the GEMM, tiles [rows, out_block]
  Map<T> x;           // after BatchNorm and activation, [rows, out_block]
  Map<T> transposed;  // the same, [out_block, rows]
  Map<float> part;    // a tile's moments or sums: [2, out_block]
  // By channel: statistics of the batch, the affine map that they give, and
  // what BatchNorm's backward subtracts.
  std::vector<float> mean, invstd, scale, shift, factor, mean_g, mean_gx;
};

/// A gradient as left and as right matrix of a GEMM. In float32 the same
/// memory serves as both; bfloat16 has pairs of rows on the right.
template <class T>
struct Gradient {
  Map<T> left, pairs;
  const Map<T>& right() const {
    return sizeof(T) == sizeof(float) ? left : pairs;
  }
};

/// What a pass needs memory for.
struct Capacity {
  std::int64_t images = 0;
  bool training = false;
  bool holds(const Capacity& other) const {
    return images >= other.images && (training || !other.training);
  }
};

template <class T>
struct Workspace {
  Workspace() = default;  // for no pass at all
  Workspace(const model::Plan& plan, const Network& net, Device& device,
            Capacity capacity, int threads);

  /// Bytes that the constructor takes.
  static std::int64_t bytes(const model::Plan& plan, const Network& net,
                            Capacity capacity, int threads);

  /// Takes memory for `wanted` where there is not enough. What was there is
  /// lost.
  void reserve(const model::Plan& plan, const Network& net, Device& device,
               const Capacity& wanted, int threads) {
    if (!capacity.holds(wanted)) grow(plan, net, device, wanted, threads);
  }

  Batch batch(std::int64_t count) const { return {count, rows}; }
  float* rows_of(const Buffer& buffer, std::int64_t row,
                 std::int64_t width) const {
    return floats(buffer) + row * width;
  }

  Capacity capacity;
  std::int64_t rows = 0;  // of a tile
  Buffer input, output;   // [images, H, W, C]; output: of inference
  Map<T> patches, patches_transposed;
  std::vector<NormLayer<T>> encoder;
  /// Input of each layer of the decoder: the expanded code, then outputs.
  std::vector<Map<T>> decoder_in, decoder_in_transposed;
  Map<float> columns;  // of the last GEMM, input of col2im
  Gradient<T> dcolumns;

  // Around the code. Matrices [images][latent] in plain order, and tiles.
  Buffer heads, noise, z, dheads, kl, recon, mse;
  Map<T> code, code_transposed;
  Gradient<T> dmean, dlogvar;
  Map<float> mean_parts, logvar_parts, dz_parts;  // a "pixel" for each part

  // Of the current layer: gradient of an activation's output or input, and the
  // gradient that its GEMMs read (one layer reads one and writes the other).
  Map<float> g;
  std::array<Gradient<T>, 2> dy;
  Map<float> bias_parts;  // of a tile, [channels]
  Map<float> first_parts,
      last_parts;     // of the first and last weight's gradient
  Buffer image_bias;  // [images][channels of the image]

  std::vector<Buffer> scratch;  // of each worker

 private:
  void grow(const model::Plan& plan, const Network& net, Device& device,
            const Capacity& wanted, int threads);
};

}  // namespace vae::engine::tile
