// The contract of an engine: it brings a batch in, computes its gradients, and
// commits them. It owns its workspace and derived copies; what is trained lies
// in the State, in the order that the engine publishes. Blocks do not know
// which device they run on, the trainer does not know which engine it drives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/device.hpp"
#include "engine/recorder.hpp"
#include "engine/state.hpp"
#include "model/plan.hpp"
#include "vae/config.hpp"

namespace vae::engine {

/// Rows, and the place of the first in the global batch or data set: it keys
/// the noise, so every split of a batch draws the same. In training, rows of
/// place `resident` are those that the cursor names.
struct Input {
  RowSource rows;
  std::uint64_t first_image = 0;
};

/// Where score() puts its results, on the device; null: not needed.
struct Scores {
  float* recon = nullptr;    // [count]
  float* kl = nullptr;       // [count]
  double* totals = nullptr;  // a Tail and its dimensions, added to
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual EngineKind kind() const = 0;
  /// Fixed for life.
  virtual const Layout& layout() const = 0;
  virtual void attach(const State& state) = 0;

  /// Where training goes on, if not where the last update left it. Every update
  /// advances it.
  virtual void seek(const Cursor& cursor) = 0;
  /// Brings a training batch in. May allocate and throw; State is untouched.
  /// Afterwards the host may reuse its memory. 1 <= count <= max_batch.
  virtual void load(const Input& input) = 0;
  /// Overwrites State.reduced (or adds to it) with sums over images: gradient,
  /// batch statistics, metrics. Nothing else changes.
  virtual void gradients(bool accumulate) = 0;
  /// The commit: optimizer, running statistics, sums, derived copies; advances
  /// the cursor. Does nothing else but count if the Tail says non-finite.
  virtual void update() = 0;
  /// Runs `work`, which calls the three above. An engine may record what it
  /// issues, and replay that instead of running it again for the same key.
  virtual void issue(const WorkKey& key, const std::function<void()>& work) = 0;

  /// Running statistics, noise of stream eval; any count. State is only read.
  virtual void score(const Input& input, const Scores& scores) = 0;
  /// A target with null data is left out.
  virtual void encode(const Input& input, const RowTarget& mean,
                      const RowTarget& logvar) = 0;
  /// Codes [count, latent].
  virtual void decode(const RowSource& codes, const RowTarget& images) = 0;
  /// Codes drawn as `key` says, times `scale`.
  virtual void sample(const NoiseKey& key, std::uint64_t first_row, float scale,
                      const RowTarget& images) = 0;
  virtual void reconstruct(const Input& input, const RowTarget& images) = 0;
  /// State was written from outside: drop every derived copy.
  virtual void params_changed() = 0;
  /// JSON object whose fields vae_diagnose shows: how this engine computes
  /// here, and why not otherwise.
  virtual std::string describe() const = 0;
};

/// The engine a configuration asks for, or the fastest that takes it.
/// Error(unsupported) names what no engine can do.
std::unique_ptr<Engine> make_engine(const model::Plan& plan,
                                    const Config& config, Device& device);

/// What the engine of a configuration with a resolved device will hold in
/// training on max_batch images, found without a device and without allocating.
struct TrainingBytes {
  Layout layout;  // of the State's buffers
  // On the training device, beside the State: at most, and of that from the
  // engine's creation on.
  std::int64_t bytes = 0, created = 0;
};
/// Error(unsupported) as make_engine().
TrainingBytes training_bytes(const model::Plan& plan, const Config& config);
/// Bytes of a GPU's own matrix products, on that GPU which needs most; 0 if
/// none supports the configuration, and in the flavour cpu.
std::int64_t own_products_bytes(const model::Plan& plan, const Layout& layout,
                                const Config& config);

/// Built against, loaded, and instruction set: LibTorch's part of build_info.
std::string torch_json();
/// As many CPU threads as LibTorch would use; 1 in a process that was forked
/// from one in which it had several.
int default_threads();

}  // namespace vae::engine
