// All memory of a pass over so many images: activations in tiles, and for
// training the same transposed where a weight's gradient will want them, the
// derivatives, and the partial sums that tasks leave for each other. Smaller
// batches use a part.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/tile/maps.hpp"
#include "engine/tile/network.hpp"
#include "vae/config.hpp"

namespace vae::engine::tile {

/// Pixels of a reduction that one task adds up. Chosen by shape alone, so that
/// sums do not depend on how many threads there are.
struct Split {
  std::int64_t links, parts;
  static Split of(std::int64_t links) {
    constexpr std::int64_t kParts = 8;
    const std::int64_t each = (links + kParts - 1) / kParts;
    return {each, (links + each - 1) / each};
  }
  std::span<const Link> part(std::span<const Link> all, std::int64_t i) const {
    const auto first = static_cast<std::size_t>(i * links);
    return all.subspan(
        first, std::min(static_cast<std::size_t>(links), all.size() - first));
  }
};

/// A layer with BatchNorm: product, output, and what its backward needs.
template <class T>
struct Normed {
  Map<float> y;          // [rows][channels]
  Map<T> x, transposed;  // of the output
  Map<float> part;       // of a tile's sums: two vectors [channels]
  // By channel.
  std::vector<float> mean, invstd, scale, shift, factor, mean_g, mean_gx;
};

/// Derivatives: left and right side of products. Without pairs these are one.
template <class T>
struct Slope {
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

  Batch batch(std::int64_t count) const { return {count, rows}; }
  float* rows_of(const Buffer& buffer, std::int64_t row,
                 std::int64_t width) const {
    return floats(buffer) + row * width;
  }

  Capacity capacity;
  std::int64_t rows = 0;  // of a tile
  Buffer input, output;   // [images, H, W, C]; output: of inference
  Map<T> patches, patches_transposed;
  std::vector<Normed<T>> encoder;
  /// Input of each layer of the decoder: the expanded code, then outputs.
  std::vector<Map<T>> decoder_in, decoder_in_transposed;
  Map<float> columns;  // the last product: patches to be added up
  Slope<T> dcolumns;

  // Around the code. Matrices [images][latent] in plain order, and tiles.
  Buffer heads, noise, z, dheads, kl, recon, mse;
  Map<T> code, code_transposed;
  Slope<T> dmean, dlogvar;
  Map<float> mean_parts, logvar_parts, dz_parts;  // a "pixel" for each part

  // The derivatives under way: before an activation, and after.
  Map<float> g;
  std::array<Slope<T>, 2> dy;
  Map<float> bias_parts;               // of a tile, [channels]
  Map<float> first_parts, last_parts;  // of both ends' weight gradients
  Buffer image_bias;                   // [images][channels of the image]

  std::vector<std::vector<float>> scratch;  // of each worker
};

}  // namespace vae::engine::tile
