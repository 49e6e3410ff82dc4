// The element-wise work of a step that is not a layer's: rows in and out,
// noise, latent code, likelihood, the sums of a batch, and the commit. Every
// device has this set; the formulas are in math/, the same text for each of
// them. A device may offer a second set, fused with the layers (fusion.hpp).
// All pointers are memory of the device, but for rows that a source or target
// places elsewhere.
#pragma once

#include <cstdint>

#include "base/rng.hpp"
#include "engine/device.hpp"
#include "engine/state.hpp"
#include "model/plan.hpp"

namespace vae::engine {

/// Standard normal numbers times `scale`, out [rows, width]; row i draws as
/// image first_row + i. With a cursor (on the device), the step is the
/// cursor's.
struct Normals {
  NoiseKey key;
  const Cursor* cursor;
  std::uint64_t first_row;
  std::int64_t rows, width;
  float scale;
  float* out;
};

/// Encoder's result and everything that is made from it, [rows, latent] each;
/// heads is [rows, 2 * latent]: means, then log-variances.
struct Latent {
  const float* heads;
  const float* noise;
  float* z;
  float* kl_rows;  // [rows]
  std::int64_t rows, latent;
};

struct LatentGradient {
  const float* heads;
  const float* noise;
  const float* dz;
  float* dheads;
  std::int64_t rows, latent;
  const Settings* settings;  // on the device
};

/// Decoder's output against the input, both [rows, pixels].
struct Reconstruction {
  const float* output;
  const float* target;
  float* gradient;    // of the loss by `output`; null: not needed
  float* recon_rows;  // [rows] -log p
  float* mse_rows;    // [rows] mean squared error per pixel
  std::int64_t rows, pixels;
  Likelihood likelihood;
  double sigma;
};

/// Adds up the rows of a batch into a Tail and its per-dimension sums, in
/// double, and rounds these once for `tail`. Sums over many batches are for
/// `totals`: many additions to floats would each round.
struct BatchSums {
  const float* heads;
  const float* recon_rows;
  const float* kl_rows;
  const float* mse_rows;
  float* tail;  // tail_floats(latent); null: `totals` are written
  std::int64_t rows, latent;
  const Settings* settings;  // on the device
  bool accumulate;           // add to what is there
  double* totals = nullptr;  // the same numbers
};

/// Squared norms of pieces of the gradient in State::reduced.
struct GradientNorm {
  double* partial = nullptr;
  std::int64_t count = 0;  // 0: they were not formed
};

/// What a commit works on.
struct Commit {
  const State& state;
  const Layout& layout;
  std::int64_t latent;
  /// The parameters as bfloat16, to be kept up to date; null: there is no such
  /// copy. For devices with fused operations.
  std::uint16_t* copy = nullptr;
  /// Of the gradient, if the pass has formed it already.
  GradientNorm norm{};
};

class Fusion;

/// Each operation is ordered on the device's stream. The host waits only for
/// rows that are stored to its own memory.
class Operations {
 public:
  virtual ~Operations() = default;
  /// Rows in the caller's format -> to [count, H, W, C], float32.
  virtual void load(const RowSource& from, model::Extent image, float* to) = 0;
  /// from [count, H, W, C] -> rows in the caller's format; as probabilities if
  /// `logits`.
  virtual void store(const float* from, model::Extent image, bool logits,
                     const RowTarget& to) = 0;
  /// Columns [first, first + columns) of each row of from [count, width].
  virtual void store_columns(const float* from, std::int64_t width,
                             std::int64_t first, std::int64_t columns,
                             const RowTarget& to) = 0;
  virtual void normals(const Normals& in) = 0;
  virtual void latent(const Latent& in) = 0;
  virtual void latent_gradient(const LatentGradient& in) = 0;
  virtual void reconstruction(const Reconstruction& in) = 0;
  virtual void batch_sums(const BatchSums& in) = 0;
  /// Decides, applies Adam, folds the running statistics, adds to the sums.
  /// Does nothing but count if the batch was not finite.
  virtual void commit(const Commit& in) = 0;
  /// The fused set; null: there is none.
  virtual Fusion* fusion() { return nullptr; }
};

}  // namespace vae::engine
