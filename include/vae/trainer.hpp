// The trainer: one VAE with its optimizer, random state and metrics. One
// trainer serves one thread at a time; different trainers are independent. A
// call restores every process-wide setting that it changes. On the CPU a
// trainer may have threads of its own, which sleep between calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vae/config.hpp"
#include "vae/dataset.hpp"
#include "vae/rows.hpp"

namespace vae {

/// Results of training or evaluation: means per image, in nats. Losses with
/// grey pixels as targets are "soft" losses, not a bound on a likelihood.
/// C: vae_metrics_init, vae_no_metrics.
struct Metrics {
  std::uint64_t steps = 0;            ///< training steps, or batches evaluated
  std::uint64_t images = 0;           ///< images in committed steps
  std::uint64_t skipped_steps = 0;    ///< steps that were not committed
  std::uint64_t nonfinite_steps = 0;  ///< skipped because of NaN or infinity
  double loss = 0;                    ///< reconstruction + kl_weight * kl
  double reconstruction = 0;          ///< -log p(x | z), summed over pixels
  double kl = 0;                      ///< KL(q(z | x) || N(0, I)), unweighted
  double mse = 0;            ///< squared error per pixel of the reconstruction
  double gradient_norm = 0;  ///< root mean square over steps; 0 in evaluation
  double seconds = 0;        ///< wall time inside the library
  std::uint32_t active_units = 0;  ///< dimensions whose mean varies by > 0.01
  std::vector<double> kl_per_dim;  ///< [latent]
};

/// Argument of a progress callback. Losses are means since the run began.
struct Progress {
  bool training = true;       ///< false: in evaluate()
  std::uint64_t epoch = 0;    ///< counted from 0
  std::uint64_t step = 0;     ///< steps done in this epoch (or evaluation)
  std::uint64_t steps = 0;    ///< total steps of this epoch (or evaluation)
  std::uint64_t images = 0;   ///< images done in this run
  double loss = 0;            ///< as in Metrics
  double reconstruction = 0;  ///< as in Metrics
  double kl = 0;              ///< as in Metrics
  double seconds = 0;         ///< wall time since the run began
};

/// Options of train_epoch and evaluate.
/// C: vae_run_init, vae_default_run.
struct Run {
  std::uint64_t batch_size = 0;  ///< 1..max_batch; 0: max_batch
  std::uint64_t max_steps = 0;   ///< stop after this many steps; 0: no limit
  std::uint32_t every_steps =
      10;  ///< between calls of `progress`; 0: at the end
  /// Returns true to continue; false ends the run with Error(cancelled). May
  /// call encode, decode, sample, save, get and set on this trainer. An
  /// exception that it throws ends the run too and reaches the caller.
  std::function<bool(const Progress&)> progress = nullptr;
};

/// Which codes Trainer::sample draws: z ~ temperature * N(0, I). Each seed
/// defines a sequence; a call draws its images first .. first + count - 1.
/// C: vae_sampling_init, vae_draw.
struct Sampling {
  std::uint64_t count = 64;  ///< images to draw, >= 1
  std::uint64_t seed = 0;    ///< independent of Config::seed
  std::uint64_t first = 0;   ///< first + count is at most 2^32
  double temperature = 1.0;  ///< >= 0
};

/// Result of Trainer::encode: q(z | x), [count][latent] each.
struct Codes {
  std::vector<float> mean;    ///< codes for Trainer::decode
  std::vector<float> logvar;  ///< log-variance
};
/// Result of Trainer::score, [count] each, in nats.
struct Scores {
  std::vector<float> reconstruction;  ///< -log p(x | z)
  std::vector<float> kl;              ///< KL(q(z | x) || N(0, I))
};

/// Content of a file.
enum class SaveWhat : std::int32_t {
  model = 1,       ///< the tensors of the PyTorch module, the configuration
  checkpoint = 2,  ///< a model and everything needed to continue training
};
/// Which values of a tensor Trainer::read_param reads.
enum class ParamWhat : std::int32_t {
  value = 1,     ///< the parameter itself
  gradient = 2,  ///< of the last step's loss (sum or mean, as configured),
                 ///< before clipping; needs Config::keep_gradients
  moment1 = 3,   ///< Adam's running mean of the gradient
  moment2 = 4,   ///< Adam's running mean of the squared gradient
};

/// Settings and counters that may change between steps.
enum class Key : std::int32_t {
  learning_rate = 1,  ///< Adam's, >= 0
  kl_weight = 2,      ///< of the KL divergence, >= 0
  step = 3,           ///< steps issued, up to 2^53; part of the noise's key
  updates = 4,        ///< updates applied, up to 2^53; Adam's t
  epoch = 5,          ///< epochs finished, up to 2^53
};

/// One tensor of the model, named and shaped as in the PyTorch module.
/// C: vae_param_init.
struct ParamInfo {
  std::string name;                 ///< "encoder.0.weight", "fc11.bias", …
  std::vector<std::int64_t> shape;  ///< as in PyTorch
  /// float32; int64 for a counter (num_batches_tracked).
  ElementType type = ElementType::float32;
  bool trainable = true;       ///< false: BatchNorm's running statistics
  std::uint64_t elements = 0;  ///< product of the shape
};

/// A model with its optimizer. A call that throws does not change the trainer.
///
/// Most calls have two forms. One takes views (Batch, Output) of host or device
/// memory and writes into existing buffers. The other takes vectors, arrays or
/// spans of bytes or floats on the host that hold whole images, and returns
/// vectors (std::bad_alloc if memory is exhausted). Calls with tensors are in
/// vae/torch.hpp.
class Trainer {
 public:
  /// Initialises the model by PyTorch's rules from Config::seed. Throws
  /// Error(argument, unsupported, device or memory).
  /// C: vae_create.
  /// @param config Copied.
  explicit Trainer(const Config& config);
  /// Opens a file written by save() or PyTorch. If `config` is null, the file's
  /// configuration is used and the device is chosen again. Otherwise the model
  /// fields of `config` must agree with the file, and all other settings come
  /// from `config`. A file that libvae did not write needs a `config`.
  /// C: vae_load.
  /// @param path   UTF-8.
  /// @param config Null, or the configuration.
  /// @return The trainer.
  static Trainer load(const std::string& path, const Config* config = nullptr);
  /// The same from memory, which is borrowed for the call.
  /// C: vae_load_memory.
  /// @param file   The content of a file.
  /// @param config Null, or the configuration.
  /// @return The trainer.
  static Trainer load(std::span<const std::byte> file,
                      const Config* config = nullptr);

  /// The moved-from trainer can only be destroyed or assigned to.
  Trainer(Trainer&&) noexcept;
  /// The same; destroys the previous trainer.
  /// @return This trainer.
  Trainer& operator=(Trainer&&) noexcept;
  /// Waits for outstanding work.
  /// C: vae_destroy.
  ~Trainer();

  /// The configuration in use: device and threads as resolved, learning rate
  /// and KL weight as last set.
  /// C: vae_get_config.
  /// @return A copy.
  Config config() const;
  /// Channels, height and width of the model's images.
  /// @return As in config().
  Shape shape() const;

  /// One step of gradient descent on 1..max_batch images. Host memory is copied
  /// before it returns. With `metrics` it waits for the device. A failed step
  /// (NonFinite::error) is not committed.
  /// C: vae_train_step.
  /// @param images  A batch.
  /// @param metrics Null, or set to the metrics of this step alone.
  void train_step(const Batch& images, Metrics* metrics = nullptr);
  /// The same for a vector, array or span.
  /// @param images  1..max_batch whole images.
  /// @param metrics Null, or set to the metrics of this step alone.
  template <Numbers Images>
  void train_step(const Images& images, Metrics* metrics = nullptr);
  /// The metrics of a batch without training. BatchNorm uses its running
  /// statistics; the noise depends on the row index alone.
  /// C: vae_eval_step.
  /// @param images Any count.
  /// @return The means over these images.
  Metrics eval_step(const Batch& images);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return The means over these images.
  template <Numbers Images>
  Metrics eval_step(const Images& images);
  /// -log p(x | z) and KL of each image, float32 [count] each. The noise
  /// depends on the row index alone, so a call is repeatable.
  /// C: vae_score.
  /// @param images         Any count.
  /// @param reconstruction Buffer for -log p(x | z), or null.
  /// @param kl             Buffer for the KL, or null, but not both.
  void score(const Batch& images, Output* reconstruction, Output* kl);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return Both.
  template <Numbers Images>
  Scores score(const Images& images);

  /// The metrics of all training steps since the last read. Waits for the
  /// device.
  /// C: vae_read_metrics.
  /// @return The means over their images.
  Metrics read_metrics();
  /// Waits for all outstanding work and reports its failures.
  /// C: vae_synchronize.
  void synchronize();

  /// Mean and log-variance of q(z | x), float32 [count][latent].
  /// C: vae_encode.
  /// @param images Any count.
  /// @param mean   Buffer, or null.
  /// @param logvar Buffer, or null, but not both.
  void encode(const Batch& images, Output* mean, Output* logvar);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return Both.
  template <Numbers Images>
  Codes encode(const Images& images);
  /// Decodes codes [count][latent] to probabilities (Bernoulli) or means
  /// (Gaussian).
  /// C: vae_decode.
  /// @param codes  Finite float32, any count.
  /// @param images Buffer for as many images.
  void decode(const Batch& codes, Output& images);
  /// The same for a vector, array or span.
  /// @param codes Whole codes, [count][latent], any count.
  /// @return `count` images as T.
  template <Pixel T = float>
  std::vector<T> decode(std::span<const float> codes);
  /// Draws codes from the prior and decodes them.
  /// C: vae_sample.
  /// @param sampling Which codes to draw.
  /// @param images   Buffer for `sampling.count` images.
  void sample(const Sampling& sampling, Output& images);
  /// The same into a vector.
  /// @param sampling Which codes to draw.
  /// @return `sampling.count` images as T.
  template <Pixel T = float>
  std::vector<T> sample(const Sampling& sampling = {});
  /// Encodes images and decodes the means.
  /// C: vae_reconstruct.
  /// @param images Any count.
  /// @param output Buffer for as many images.
  void reconstruct(const Batch& images, Output& output);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return As many images as T.
  template <Pixel T = float, Numbers Images>
  std::vector<T> reconstruct(const Images& images);

  /// Trains one epoch, in a random order given by (seed, epoch). After an early
  /// stop (cancel, progress, max_steps) the next call continues there. The last
  /// batch may be smaller.
  /// C: vae_train_epoch.
  /// @param dataset Images of the model's shape.
  /// @param run     Options.
  /// @return The means over this call's images.
  Metrics train_epoch(const Dataset& dataset, const Run& run = {});
  /// The metrics of a dataset without training. The noise depends on the image
  /// index alone, so a call is repeatable.
  /// C: vae_evaluate.
  /// @param dataset Images of the model's shape.
  /// @param run     Options.
  /// @return The means over its images.
  Metrics evaluate(const Dataset& dataset, const Run& run = {});

  /// Sets or clears a request to stop; may be called from any thread. While it
  /// is set, train_epoch and evaluate stop before the next step with
  /// Error(cancelled). Level-triggered: stays set until the host clears it.
  /// C: vae_cancel.
  /// @param on Whether to stop.
  void cancel(bool on) noexcept;

  /// Writes a safetensors file with the tensors of the PyTorch module; a
  /// checkpoint adds everything needed to continue training. A failed call does
  /// not change an existing file.
  /// C: vae_save.
  /// @param path UTF-8; an existing file is replaced.
  /// @param what A model or a checkpoint.
  void save(const std::string& path, SaveWhat what);
  /// The same to memory.
  /// C: vae_save_memory.
  /// @param what A model or a checkpoint.
  /// @return The content of such a file.
  std::vector<std::byte> save(SaveWhat what);

  /// Tensors of the model, in the order of the PyTorch state_dict.
  /// C: vae_param_count, vae_param_info.
  /// @return Valid as long as the trainer.
  const std::vector<ParamInfo>& params() const;
  /// Reads one tensor, in PyTorch's order.
  /// C: vae_param_read.
  /// @param name As in params().
  /// @param what Running statistics have a value only.
  /// @param data Exactly the tensor's size in bytes.
  void read_param(const std::string& name, ParamWhat what,
                  std::span<std::byte> data);
  /// The same into a vector. Error(argument) if the tensor has another type.
  /// @param name As in params().
  /// @param what Running statistics have a value only.
  /// @return The elements: float, or std::int64_t for a counter.
  template <class T = float>
  std::vector<T> read_param(const std::string& name,
                            ParamWhat what = ParamWhat::value);
  /// Replaces one tensor. Gradients cannot be written.
  /// C: vae_param_write.
  /// @param name As in params().
  /// @param what Running statistics have a value only.
  /// @param data Exactly the tensor's size in bytes; values must be finite.
  void write_param(const std::string& name, ParamWhat what,
                   std::span<const std::byte> data);
  /// The same for a vector, array or span.
  /// @param name    As in params().
  /// @param what    Running statistics have a value only.
  /// @param numbers All elements; finite.
  void write_param(const std::string& name, ParamWhat what,
                   std::span<const float> numbers);

  /// Changes a setting or counter between steps.
  /// C: vae_set.
  /// @param key   The setting.
  /// @param value In the range given beside the key.
  void set(Key key, double value);
  /// Reads a setting or counter.
  /// C: vae_get.
  /// @param key The setting.
  /// @return Its value.
  double get(Key key);

  /// The trainer's device and engine, and why they were chosen.
  /// C: vae_diagnose.
  /// @return One JSON object.
  std::string diagnose() const;

 private:
  class Impl;
  explicit Trainer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vae

#include "vae/spans.hpp"  // IWYU pragma: export
