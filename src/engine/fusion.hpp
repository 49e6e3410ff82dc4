// The work between a network's products, fused: a second set of operations,
// which a device may offer beside operations.hpp, for the fused engine. Each
// call reads and writes every activation as few times as the arithmetic allows.
// All pointers are device memory; nothing here waits.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/rng.hpp"
#include "engine/state.hpp"
#include "engine/training_pass.hpp"
#include "model/plan.hpp"
#include "vae/rows.hpp"

namespace vae::engine {

/// Element type of activations and of their gradients.
enum class Number { float32, bfloat16 };

/// A matrix [rows, channels], channels contiguous. Of an image's activations,
/// each pixel is a row.
struct Matrix {
  void* data;
  Number number;
  std::int64_t rows, channels;
  std::int64_t elements() const { return rows * channels; }
};

/// out = activation(BatchNorm(x)) with the batch's own statistics, which are
/// kept for the backward, and summed for the running ones as State::reduced
/// wants them: `images` times mean (with the product's left-out bias) and
/// unbiased variance.
struct NormForward {
  Matrix x;
  void* out;                   // like x, and not x
  const float *weight, *bias;  // [channels], of the norm
  const float* product_bias;   // [channels], left out of x
  float *mean, *invstd;        // [channels], for the backward
  float *mean_sum, *var_sum;   // [channels], in State::reduced
  float images;
  bool accumulate;  // add to the sums instead of overwriting them
  model::Activation activation;
};

/// The same with running statistics, for inference.
struct NormRunning {
  Matrix x;
  void* out;  // like x; may be x
  const float *weight, *bias, *product_bias;
  const float *running_mean, *running_var;
  model::Activation activation;
};

/// From dy, the loss's derivative by the activation's output, to the one by x,
/// in place; and by the norm's weight and bias.
struct NormBackward {
  Matrix dy;
  const void* x;    // as in the forward
  const void* out;  // as the forward wrote it
  const float *weight, *mean, *invstd;
  float *dweight, *dbias;  // [channels]
  bool accumulate;
  model::Activation activation;
};

/// x = activation(x + bias), in place.
struct BiasForward {
  Matrix x;
  const float* bias;  // [channels]
  model::Activation activation;
};

/// dy times the activation's slope, in place, and its sums over rows.
struct BiasBackward {
  Matrix dy;
  const void* out;  // as the forward wrote it; not read without activation
  float* dbias;     // [channels]
  bool accumulate;
  model::Activation activation;
};

/// The heads' product [rows, 2 * latent] becomes heads (with bias), noise, z
/// and the KL of each row.
struct LatentForward {
  Matrix product;
  const float* bias;     // [2 * latent]
  float *heads, *noise;  // [rows, 2 * latent], [rows, latent]
  void* z;               // [rows, latent], numbers like the product's
  float* kl_rows;        // [rows]
  NoiseKey key;
  const Cursor* cursor;  // as in Normals
  std::uint64_t first_row;
};

/// From dz to the derivative by the heads, and its sums over rows.
struct LatentBackward {
  Matrix dz;                   // [rows, latent]
  const float *heads, *noise;  // as the forward wrote them
  void* dheads;                // [rows, 2 * latent], numbers like dz's
  float* dbias;                // [2 * latent]
  const Settings* settings;
  bool accumulate;
};

/// The decoder's last product, still without bias, against the images.
struct FusedLoss {
  Matrix product;                // rows: images times pixels
  const float* bias;             // [channels]
  const float* target;           // [rows, channels]
  void* gradient;                // like product.data, and may be it
  float *recon_rows, *mse_rows;  // [images]
  std::int64_t images;
  Likelihood likelihood;
  double sigma;
};

/// Gradients that products left in their own numbers, brought into the flat
/// buffer: to[i] = from[i], or += with `accumulate`.
struct Collect {
  static constexpr std::size_t kMost = 24;
  struct Piece {
    const void* from;
    float* to;
    std::int64_t elements;
  };
  std::array<Piece, kMost> pieces;
  std::int32_t count;
  Number number;
  bool accumulate;
};

class Fusion {
 public:
  virtual ~Fusion() = default;
  virtual void norm_forward(const NormForward& in) = 0;
  virtual void norm_running(const NormRunning& in) = 0;
  virtual void norm_backward(const NormBackward& in) = 0;
  virtual void bias_forward(const BiasForward& in) = 0;
  virtual void bias_backward(const BiasBackward& in) = 0;
  virtual void latent_forward(const LatentForward& in) = 0;
  virtual void latent_backward(const LatentBackward& in) = 0;
  virtual void loss(const FusedLoss& in) = 0;
  virtual void collect(const Collect& in) = 0;
  /// copy = params, rounded.
  virtual void refresh_copy(const float* params, std::int64_t count,
                            std::uint16_t* copy) = 0;
  /// Why make_pass() does not take a configuration; empty: it does.
  virtual std::string why_no_pass(const model::Plan& plan,
                                  const Config& config) const = 0;
  /// A whole pass by the device's own products. `copy` as in Commit.
  virtual std::unique_ptr<DevicePass> make_pass(const PassContext& context,
                                                const std::uint16_t* copy) = 0;
};

}  // namespace vae::engine
