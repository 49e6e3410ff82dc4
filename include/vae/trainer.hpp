// The trainer: one VAE, its optimizer, its random state and its metrics, driven
// step by step by the host. One trainer is for one thread at a time; different
// trainers are independent. It changes nothing of the process that it does not
// give back; on the CPU it may have threads of its own, which sleep between
// calls.
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

/// Sums since the last read, as means per image in nats. Losses with grey
/// pixels as targets are "soft" losses: they bound no likelihood.
/// C: vae_metrics_init, vae_no_metrics.
struct Metrics {
  std::uint64_t steps = 0;            ///< training steps, or batches evaluated
  std::uint64_t images = 0;           ///< images in committed steps
  std::uint64_t skipped_steps = 0;    ///< steps that committed nothing
  std::uint64_t nonfinite_steps = 0;  ///< of these, for NaN or infinity
  double loss = 0;                    ///< reconstruction + kl_weight * kl
  double reconstruction = 0;          ///< -log p(x | z), summed over pixels
  double kl = 0;                      ///< KL(q(z | x) || N(0, I)), unweighted
  double mse = 0;            ///< squared error per pixel of the reconstruction
  double gradient_norm = 0;  ///< root mean square over steps; 0 in evaluation
  double seconds = 0;        ///< wall time inside the library
  std::uint32_t active_units = 0;  ///< dimensions whose mean varies by > 0.01
  std::vector<double> kl_per_dim;  ///< [latent]
};

/// What a progress callback is told. Losses are means since the run began.
struct Progress {
  bool training = true;       ///< false: in evaluate()
  std::uint64_t epoch = 0;    ///< counted from 0
  std::uint64_t step = 0;     ///< steps done in this epoch (or evaluation)
  std::uint64_t steps = 0;    ///< steps this epoch has
  std::uint64_t images = 0;   ///< images done in this run
  double loss = 0;            ///< as in Metrics
  double reconstruction = 0;  ///< as in Metrics
  double kl = 0;              ///< as in Metrics
  double seconds = 0;         ///< wall time since the run began
};

/// How train_epoch and evaluate run through a dataset.
/// C: vae_run_init, vae_default_run.
struct Run {
  std::uint64_t batch_size = 0;    ///< 1..max_batch; 0: max_batch
  std::uint64_t max_steps = 0;     ///< stop after so many steps; 0: no limit
  std::uint32_t every_steps = 10;  ///< calls of `progress`; 0: only at the end
  /// Returns true to go on; false ends the run with Error(cancelled). May call
  /// encode, decode, sample, save, get and set on this trainer. What it throws
  /// ends the run in the same way and passes through.
  std::function<bool(const Progress&)> progress = nullptr;
};

/// Which codes Trainer::sample draws: z ~ temperature * N(0, I), the image
/// `first + i` of the sequence that belongs to `seed`.
/// C: vae_sampling_init, vae_draw.
struct Sampling {
  std::uint64_t count = 64;  ///< images to draw, >= 1
  std::uint64_t seed = 0;    ///< its own, apart from the trainer's
  std::uint64_t first = 0;   ///< first + count is at most 2^32
  double temperature = 1.0;  ///< >= 0
};

/// What Trainer::encode makes of images: q(z | x), [count][latent] each.
struct Codes {
  std::vector<float> mean;    ///< what Trainer::decode takes
  std::vector<float> logvar;  ///< log-variance
};
/// What Trainer::score makes of images, [count] each, in nats.
struct Scores {
  std::vector<float> reconstruction;  ///< -log p(x | z)
  std::vector<float> kl;              ///< KL(q(z | x) || N(0, I))
};

/// What a file holds.
enum class SaveWhat : std::int32_t {
  model = 1,       ///< the tensors of the PyTorch module, the configuration
  checkpoint = 2,  ///< the same and all that is needed to go on training
};
/// What Trainer::read_param reads of a tensor.
enum class ParamWhat : std::int32_t {
  value = 1,     ///< the parameter itself
  gradient = 2,  ///< of the last step's loss (sum or mean, as configured),
                 ///< before clipping; needs Config::keep_gradients
  moment1 = 3,   ///< Adam's running mean of the gradient
  moment2 = 4,   ///< Adam's running mean of the squared gradient
};

/// Numbers that may change between steps.
enum class Key : std::int32_t {
  learning_rate = 1,  ///< Adam's, >= 0
  kl_weight = 2,      ///< of the KL divergence, >= 0
  step = 3,           ///< steps issued, to 2^53; keys the noise
  updates = 4,        ///< updates applied, to 2^53; Adam's t
  epoch = 5,          ///< epochs finished, to 2^53
};

/// One tensor of the model, named and shaped as in the PyTorch module.
/// C: vae_param_init.
struct ParamInfo {
  std::string name;                 ///< "encoder.0.weight", "fc11.bias", …
  std::vector<std::int64_t> shape;  ///< as in PyTorch
  /// float32, but int64 for a counter (num_batches_tracked).
  ElementType type = ElementType::float32;
  bool trainable = true;       ///< false: BatchNorm's running statistics
  std::uint64_t elements = 0;  ///< product of the shape
};

/// A VAE in training. Every call leaves the trainer as it was if it throws.
///
/// Most calls come twice: with views (Batch, Output), which can lie anywhere
/// and fill memory that is already there; and with vectors, arrays or spans of
/// bytes or floats on the host, which hold whole images and give vectors back
/// (std::bad_alloc if there is no memory for one).
/// Calls with tensors are in vae/torch.hpp.
class Trainer {
 public:
  /// Initialises the model as PyTorch would, from Config::seed. Throws
  /// Error(argument, unsupported, device or memory).
  /// C: vae_create.
  /// @param config Copied.
  explicit Trainer(const Config& config);
  /// Opens a file written by save(). Without `config` the model and the
  /// settings are as saved (device chosen anew, "auto"); with one, its model
  /// fields must agree with the file's and everything else is taken from it. A
  /// file that libvae did not write (PyTorch's) needs one.
  /// C: vae_load.
  /// @param path   UTF-8.
  /// @param config Null, or what to use.
  /// @return The trainer.
  static Trainer load(const std::string& path, const Config* config = nullptr);
  /// The same from memory, which is not kept.
  /// C: vae_load_memory.
  /// @param file   The bytes of a file.
  /// @param config Null, or what to use.
  /// @return The trainer.
  static Trainer load(std::span<const std::byte> file,
                      const Config* config = nullptr);

  /// Only destruction and assignment are possible afterwards.
  Trainer(Trainer&&) noexcept;
  /// As the constructor; the trainer that was there is destroyed.
  /// @return This one.
  Trainer& operator=(Trainer&&) noexcept;
  /// Waits for what there still is to do.
  /// C: vae_destroy.
  ~Trainer();

  /// The configuration in force: device and threads resolved, learning rate
  /// and KL weight as last set.
  /// C: vae_get_config.
  /// @return A copy.
  Config config() const;
  /// Channels, height and width of the model's images.
  /// @return As in config().
  Shape shape() const;

  /// One step of gradient descent on 1..max_batch images. Host memory is
  /// copied before it returns. With `metrics` it waits for the device and
  /// describes this step alone; without, it does not wait. A step that is
  /// refused (NonFinite::error) has committed nothing.
  /// C: vae_train_step.
  /// @param images  A batch.
  /// @param metrics Null, or set to this step's.
  void train_step(const Batch& images, Metrics* metrics = nullptr);
  /// The same for a vector, array or span.
  /// @param images  1..max_batch whole images.
  /// @param metrics Null, or set to this step's.
  template <Numbers Images>
  void train_step(const Images& images, Metrics* metrics = nullptr);
  /// The same sums without learning: running statistics, own noise by row.
  /// C: vae_eval_step.
  /// @param images Any count.
  /// @return The means over these images.
  Metrics eval_step(const Batch& images);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return The means over these images.
  template <Numbers Images>
  Metrics eval_step(const Images& images);
  /// -log p(x | z) and KL of each image, float32 [count] each; either may be
  /// null. z is drawn by row index, so a call is repeatable.
  /// C: vae_score.
  /// @param images         Any count.
  /// @param reconstruction Room for -log p(x | z), or null.
  /// @param kl             Room for the KL, or null.
  void score(const Batch& images, Output* reconstruction, Output* kl);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return Both.
  template <Numbers Images>
  Scores score(const Images& images);

  /// Sums of the training steps since the last read; waits for the device.
  /// C: vae_read_metrics.
  /// @return The means over their images.
  Metrics read_metrics();
  /// Waits until everything issued has happened; reports late failures.
  /// C: vae_synchronize.
  void synchronize();

  /// Mean and log-variance of q(z | x), float32 [count][latent].
  /// C: vae_encode.
  /// @param images Any count.
  /// @param mean   Room, or null.
  /// @param logvar Room, or null, but not both.
  void encode(const Batch& images, Output* mean, Output* logvar);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return Both.
  template <Numbers Images>
  Codes encode(const Images& images);
  /// Codes [count][latent] to probabilities (Bernoulli) or means (Gaussian).
  /// C: vae_decode.
  /// @param codes  Finite float32, any count.
  /// @param images Room for as many images.
  void decode(const Batch& codes, Output& images);
  /// The same for a vector, array or span.
  /// @param codes Whole codes, [count][latent], any count.
  /// @return [count] images, as float unless std::uint8_t is asked for.
  template <Pixel T = float>
  std::vector<T> decode(std::span<const float> codes);
  /// Draws codes from the prior and decodes them.
  /// C: vae_sample.
  /// @param sampling Which ones.
  /// @param images   Room for them.
  void sample(const Sampling& sampling, Output& images);
  /// The same into a vector.
  /// @param sampling Which ones.
  /// @return [count] images, as float unless std::uint8_t is asked for.
  template <Pixel T = float>
  std::vector<T> sample(const Sampling& sampling = {});
  /// Encodes, takes the mean as the code, decodes.
  /// C: vae_reconstruct.
  /// @param images Any count.
  /// @param output Room for as many.
  void reconstruct(const Batch& images, Output& output);
  /// The same for a vector, array or span.
  /// @param images Whole images, any count.
  /// @return As many, as float unless std::uint8_t is asked for.
  template <Pixel T = float, Numbers Images>
  std::vector<T> reconstruct(const Images& images);

  /// Trains through the dataset once, in an order keyed by (seed, epoch). If
  /// it is stopped (cancel, progress, max_steps), the next call goes on where
  /// it stopped. The last batch may be smaller.
  /// C: vae_train_epoch.
  /// @param dataset Images of the model's shape.
  /// @param run     How.
  /// @return The means over this call's images.
  Metrics train_epoch(const Dataset& dataset, const Run& run = {});
  /// The metrics of the whole set, z keyed by image index: repeatable.
  /// C: vae_evaluate.
  /// @param dataset Images of the model's shape.
  /// @param run     How.
  /// @return The means over its images.
  Metrics evaluate(const Dataset& dataset, const Run& run = {});

  /// From any thread: while on, train_epoch and evaluate stop at the next step
  /// with Error(cancelled). A level: only the host clears it.
  /// C: vae_cancel.
  /// @param on Whether to stop.
  void cancel(bool on) noexcept;

  /// Writes a safetensors file with the tensors of the PyTorch module; a
  /// checkpoint adds everything needed to go on. Whole or not at all.
  /// C: vae_save.
  /// @param path UTF-8; an existing file is replaced.
  /// @param what A model or a checkpoint.
  void save(const std::string& path, SaveWhat what);
  /// The same to memory.
  /// C: vae_save_memory.
  /// @param what A model or a checkpoint.
  /// @return The bytes that such a file would have.
  std::vector<std::byte> save(SaveWhat what);

  /// Tensors of the model, in the order of the PyTorch state_dict.
  /// C: vae_param_count, vae_param_info.
  /// @return Valid as long as the trainer.
  const std::vector<ParamInfo>& params() const;
  /// Copies one tensor out, in PyTorch's order.
  /// C: vae_param_read.
  /// @param name As in params().
  /// @param what Of a running statistic, only its value.
  /// @param data Exactly its size in bytes.
  void read_param(const std::string& name, ParamWhat what,
                  std::span<std::byte> data);
  /// The same into a vector. Error(argument) if the tensor's numbers are not
  /// of the type asked for.
  /// @param name As in params().
  /// @param what Of a running statistic, only its value.
  /// @return Its numbers: float, or std::int64_t for a counter.
  template <class T = float>
  std::vector<T> read_param(const std::string& name,
                            ParamWhat what = ParamWhat::value);
  /// Copies one tensor in. Writing a gradient is refused.
  /// C: vae_param_write.
  /// @param name As in params().
  /// @param what Of a running statistic, only its value.
  /// @param data Exactly its size in bytes; values must be finite.
  void write_param(const std::string& name, ParamWhat what,
                   std::span<const std::byte> data);
  /// The same for a vector, array or span.
  /// @param name    As in params().
  /// @param what    Of a running statistic, only its value.
  /// @param numbers As many as it has; finite.
  void write_param(const std::string& name, ParamWhat what,
                   std::span<const float> numbers);

  /// Changes a number between steps.
  /// C: vae_set.
  /// @param key   Which.
  /// @param value In its range.
  void set(Key key, double value);
  /// Reads a number.
  /// C: vae_get.
  /// @param key Which.
  /// @return Its value.
  double get(Key key);

  /// What it runs on and why.
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
