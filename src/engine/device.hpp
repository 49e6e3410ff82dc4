// A device as the engines see it: memory, copies, and the element-wise work of
// a step that is not LibTorch's. Everything is ordered on the device's one
// stream; only download() and wait() make the host wait. Formulas are in math/,
// the same text for every device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/rng.hpp"
#include "engine/fusion.hpp"
#include "engine/recorder.hpp"
#include "engine/state.hpp"
#include "vae/rows.hpp"

namespace vae::engine {

/// Where rows lie. On the CPU there is no difference.
enum class Place {
  host,            // read or complete before the call returns
  callers_device,  // ordered with the caller's stream
  resident,        // ours, on the device already
};

/// Rows to be brought into the input buffer as float32 [count, H, W, C] in
/// [0, 1]. Either from row `first` on, in order; or, with a cursor, row i is
/// row order(position + i) of `data`.
struct RowSource {
  const void* data = nullptr;
  ElementType type = ElementType::float32;
  vae::Layout layout = vae::Layout::chw;
  Place place = Place::host;
  const Cursor* cursor = nullptr;  // on the device, of place resident
  std::uint64_t first = 0;
  std::int64_t count = 0;
  void* stream = nullptr;  // the caller's stream, of place callers_device
};

/// Where rows go: from float32 [count, H, W, C] to the caller's format.
struct RowTarget {
  void* data = nullptr;
  ElementType type = ElementType::float32;
  vae::Layout layout = vae::Layout::chw;
  Place place = Place::host;
  std::int64_t count = 0;
  void* stream = nullptr;
};

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
  float* gradient;    // of the loss by `output`; null: not wanted
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
  float* tail;  // tail_floats(latent); null: `totals` are wanted
  std::int64_t rows, latent;
  const Settings* settings;  // on the device
  bool accumulate;           // add to what is there
  double* totals = nullptr;  // the same numbers
};

class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceKind kind() const = 0;
  virtual int index() const = 0;
  /// While it lives, this thread's work, ours and LibTorch's, goes to this
  /// device's stream. The element-wise operations below need it; memory, load
  /// and store do without.
  class Scope {
   public:
    virtual ~Scope() = default;
  };
  virtual std::unique_ptr<Scope> enter() = 0;

  /// Zeroed memory; Error(memory) that names the size.
  virtual Buffer allocate(std::int64_t bytes) = 0;
  virtual void upload(void* to, const void* from, std::int64_t bytes) = 0;
  virtual void download(void* to, const void* from, std::int64_t bytes) = 0;
  virtual void clear(void* memory, std::int64_t bytes) = 0;
  virtual void wait() = 0;
  /// Called before each piece of training: the host stays at most two ahead of
  /// the device.
  virtual void pace() {}
  /// Most bytes that were in use on the device so far; 0: not counted.
  virtual std::int64_t peak_bytes() const { return 0; }
  /// Records what is issued on this device's stream; null: it cannot.
  virtual std::unique_ptr<Capturer> make_capturer() { return nullptr; }
  /// Fused operations for the engine of that name; null: there are none.
  virtual Fusion* fusion() { return nullptr; }

  virtual void load(const RowSource& from, model::Extent image, float* to) = 0;
  /// `from` as float32 [count, H, W, C]; as probabilities if `logits`.
  virtual void store(const float* from, model::Extent image, bool logits,
                     const RowTarget& to) = 0;
  /// Columns [first, first + columns) of each row of a [count, width] matrix.
  virtual void store_columns(const float* from, std::int64_t width,
                             std::int64_t first, std::int64_t columns,
                             const RowTarget& to) = 0;
  virtual void normals(const Normals& in) = 0;
  virtual void latent(const Latent& in) = 0;
  virtual void latent_gradient(const LatentGradient& in) = 0;
  virtual void reconstruction(const Reconstruction& in) = 0;
  virtual void batch_sums(const BatchSums& in) = 0;
  /// The commit: decides, applies Adam, folds the running statistics, adds to
  /// the sums. Does nothing but count if the batch was not finite.
  virtual void commit(const State& state, const Layout& layout,
                      std::int64_t latent) = 0;
};

/// `threads` > 0.
std::unique_ptr<Device> make_cpu_device(int threads);

/// Error(device) that says why there is none: built without CUDA, no driver, no
/// such index, capability too low, LibTorch without CUDA.
std::unique_ptr<Device> make_cuda_device(int index);

/// The same as a sentence; empty if device `index` can be used.
std::string why_no_cuda(int index);
/// JSON array of the CUDA devices that were found; "[]" in the cpu flavour.
std::string cuda_devices_json();
/// "cpu" or "cuda": what this library was built as.
const char* flavour() noexcept;

}  // namespace vae::engine
