// Configuration of a trainer: model, objective, optimizer and execution. A
// default-constructed Config is the original program's: a convolutional VAE for
// 28x28 grey images.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vae {

/// Which model is trained. Numbers are those of vae.h; zero is never valid.
enum class Model : std::int32_t { vae = 1 };

/// The network around the latent code.
enum class Net : std::int32_t {
  conv = 1,   ///< convolutions, BatchNorm, LeakyReLU; for images
  dense = 2,  ///< fully connected layers without BatchNorm; for any vector
};

/// p(x | z), computed from the decoder's output.
enum class Likelihood : std::int32_t {
  bernoulli = 1,  ///< on logits; targets anywhere in [0, 1] ("soft targets")
  gaussian = 2,   ///< fixed variance Config::gaussian_sigma squared
};

/// The device that computes.
enum class DeviceKind : std::int32_t { cpu = 1, cuda = 2, automatic = 3 };

/// Arithmetic of matrix products; parameters, statistics and losses are fp32.
enum class Precision : std::int32_t { fp32 = 1, tf32 = 2, bf16 = 3 };

/// Which implementation computes the network.
enum class EngineKind : std::int32_t {
  automatic = 1,  ///< the fastest that supports this configuration
  blocks = 2,     ///< any shape, any device; the reference for the others
  fused = 3,      ///< CUDA: libvae's fused kernels
  tile = 4,       ///< CPU: every layer computed tile by tile in the cache
};

/// Whether work on a CUDA device is recorded as a CUDA graph and replayed,
/// which saves the host from launching every kernel.
enum class Graph : std::int32_t {
  automatic = 1,  ///< where possible; Trainer::diagnose() tells
  on = 2,         ///< Status::unsupported if not possible
  off = 3,        ///< launch every kernel individually
};

/// Action when the loss, gradient or a BatchNorm statistic of a training step
/// is NaN or infinite. In both cases the step is not committed: parameters,
/// moments and running statistics stay finite.
enum class NonFinite : std::int32_t {
  error = 1,  ///< the step fails with Status::nonfinite
  skip = 2,   ///< the step is counted as skipped and training continues
};

/// Configuration of a trainer. validate() checks the ranges.
/// C: vae_config_init, vae_default_config.
struct Config {
  // --- model -------------------------------------------------------------
  Model model = Model::vae;  ///< which model
  Net net = Net::conv;       ///< which network
  /// Channels, height and width of an image, each 1..4096; their product at
  /// most 16,777,216. A vector that is not an image is 1 x 1 x its length.
  std::uint32_t channels = 1;
  std::uint32_t height = 28;  ///< rows of an image; see `channels`
  std::uint32_t width = 28;   ///< columns of an image; see `channels`
  /// Length of the latent code, 1..4096.
  std::uint32_t latent = 32;
  /// Net::conv: output channels of the encoder's 2..8 convolutions, each
  /// 1..4096. All but the last halve height and width (kernel 4, stride 2); the
  /// last keeps them (kernel 3). Net::dense: 1..8 hidden sizes, each 1..65536.
  std::vector<std::uint32_t> layers{64, 128, 128};

  // --- objective: reconstruction + kl_weight * KL -------------------------
  Likelihood likelihood = Likelihood::bernoulli;  ///< p(x | z)
  /// true: the gradient is of the loss summed over the batch, as in the
  /// original; false: of its mean. Reported losses are always means.
  bool sum_gradient = true;
  /// Standard deviation of Likelihood::gaussian, in pixel units, 1e-15
  /// to 1e15.
  double gaussian_sigma = 1.0;
  /// Weight of the KL divergence (beta of beta-VAE), 0 to 1e30.
  double kl_weight = 1.0;

  // --- optimizer: Adam (Kingma & Ba 2015), as torch.optim.Adam ------------
  double learning_rate = 1e-3;  ///< 0 to 1e30
  double beta1 = 0.9;           ///< [0, 1)
  double beta2 = 0.999;         ///< [0, 1)
  double epsilon = 1e-8;        ///< 1e-37 to 1e30
  /// 0 to 1e30; added to the gradient (L2). Each element of the sum is limited
  /// to ±1e18.
  double weight_decay = 0.0;
  double clip_norm = 0.0;  ///< largest gradient norm, 0 to 1e30; 0: no clipping

  // --- how it runs ---------------------------------------------------------
  /// Seed of all random numbers: initialisation, noise and data order.
  std::uint64_t seed = 0;
  /// Largest training batch, 1..65536. Inference takes any count.
  std::uint32_t max_batch = 64;
  /// Samples of z per image in training. Only 1 for now.
  std::uint32_t samples = 1;
  /// CPU threads of this trainer, 1..1024; 0: LibTorch's default.
  std::uint32_t threads = 0;
  /// Keep gradients readable after a step (Trainer::read_param).
  bool keep_gradients = false;
  /// automatic: a CUDA device that can be used, else the CPU.
  DeviceKind device = DeviceKind::automatic;
  std::int32_t device_index = 0;              ///< which CUDA device; >= 0
  Precision precision = Precision::fp32;      ///< of products
  EngineKind engine = EngineKind::automatic;  ///< what computes it
  NonFinite nonfinite = NonFinite::error;     ///< on NaN or infinity
  /// Deterministic algorithms on CUDA; the CPU is always deterministic.
  bool deterministic = false;
  Graph graph = Graph::automatic;  ///< on CUDA; no effect on the CPU
  /// Training steps of train_epoch() per CUDA graph, 1..64; 0: 8. Cancellation
  /// and progress callbacks happen between graphs.
  std::uint32_t graph_steps = 0;

  /// @return Whether every field is equal.
  bool operator==(const Config&) const = default;
};

/// Throws Error(argument or unsupported) that names the first bad field and its
/// allowed values. Does not look for devices.
/// C: vae_config_validate.
/// @param config The configuration.
void validate(const Config& config);

/// What training holds at most, in bytes.
struct Memory {
  std::uint64_t host_bytes = 0;    ///< in host memory
  std::uint64_t device_bytes = 0;  ///< in a GPU's memory; 0 on the CPU
};

/// An estimate, before a trainer is created, of what it will hold in training
/// on batches of `max_batch` images: parameters, moments, gradients and
/// workspace. Not included are datasets, what the libraries take for
/// themselves, and the caller's batches. The host's part was within 20 % of
/// what training took in the cases of docs/memory.md. Chooses device and engine
/// as Trainer does, but uses no GPU: DeviceKind::cuda needs none. Throws what
/// validate() throws, and Error(unsupported) if no engine supports the
/// configuration.
/// C: vae_config_memory.
/// @param config The configuration.
/// @return Both numbers.
Memory memory(const Config& config);

/// The configuration as one JSON object. Enumerations are written as names
/// ("bernoulli", "auto"). config_from_json() reads back an equal Config.
/// C: vae_config_to_json.
/// @param config A valid configuration.
/// @return The object.
std::string to_json(const Config& config);

/// Reads a JSON object of the fields of Config and validates the result. An
/// absent field keeps its default. Error(format) or Error(argument) for an
/// unknown field, a wrong type or a value out of range, which the text names.
/// C: vae_config_from_json.
/// @param json The text.
/// @return The configuration.
Config config_from_json(std::string_view json);

/// Reads the configuration from a file: a JSON file, or a model or checkpoint
/// that libvae wrote. Error(file) if it cannot be read, Error(format) if it
/// contains no configuration.
/// C: vae_config_from_file.
/// @param path UTF-8.
/// @return The configuration, validated.
Config config_from_file(const std::string& path);

}  // namespace vae
