// What a trainer is made from: the model, its objective, its optimizer and how
// it runs. A default-constructed Config is exactly the original program: a
// convolutional VAE for 28x28 grey images. Nothing here computes anything.
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

/// p(x | z), evaluated on what the decoder puts out.
enum class Likelihood : std::int32_t {
  bernoulli = 1,  ///< on logits; targets anywhere in [0, 1] ("soft targets")
  gaussian = 2,   ///< fixed variance Config::gaussian_sigma squared
};

/// Where the arithmetic happens.
enum class DeviceKind : std::int32_t { cpu = 1, cuda = 2, automatic = 3 };

/// Arithmetic of products; parameters, statistics and losses stay fp32.
enum class Precision : std::int32_t { fp32 = 1, tf32 = 2, bf16 = 3 };

/// Which implementation computes the network.
enum class EngineKind : std::int32_t {
  automatic = 1,  ///< the fastest that takes this configuration
  blocks = 2,     ///< any shape, any device; the reference of the others
  fused = 3,      ///< CUDA: own kernels; which products: vae_diagnose()
  tile = 4,       ///< CPU: products of small tiles, the rest done in the cache
};

/// Whether work on a CUDA device is recorded as a CUDA graph and replayed,
/// which spares the host the launch of every single kernel.
enum class Graph : std::int32_t {
  automatic = 1,  ///< where it can be recorded; Trainer::diagnose() says
  on = 2,         ///< not being able to is Status::unsupported
  off = 3,        ///< kernel by kernel
};

/// What a training step does when its loss, gradient or a statistic of
/// BatchNorm is NaN or infinite. In both cases nothing is committed:
/// parameters, moments and running statistics stay finite.
enum class NonFinite : std::int32_t {
  error = 1,  ///< the step fails with Status::nonfinite
  skip = 2,   ///< the step is counted as skipped and training goes on
};

/// Everything a trainer is made from. Ranges are checked by validate().
/// C: vae_config_init, vae_default_config.
struct Config {
  // --- model -------------------------------------------------------------
  Model model = Model::vae;  ///< which model
  Net net = Net::conv;       ///< which network
  /// Image size, each 1..4096; their product at most 16,777,216. A vector that
  /// is no image is 1 x 1 x its length.
  std::uint32_t channels = 1;
  std::uint32_t height = 28;  ///< rows of an image, as said for `channels`
  std::uint32_t width = 28;   ///< columns of an image, as said for `channels`
  /// Length of the latent code, 1..4096.
  std::uint32_t latent = 32;
  /// Net::conv: output channels of the encoder's convolutions, 2..8 of them,
  /// each 1..4096; all but the last halve the image (kernel 4, stride 2), the
  /// last keeps it (kernel 3). Net::dense: hidden sizes, 1..8, each 1..65536.
  std::vector<std::uint32_t> layers{64, 128, 128};

  // --- objective: reconstruction + kl_weight * KL -------------------------
  Likelihood likelihood = Likelihood::bernoulli;  ///< p(x | z)
  /// true: gradients are of the loss summed over the images of a batch, as in
  /// the original; false: of its mean. Reported losses are means either way.
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
  /// 0 to 1e30; added to the gradient (L2). An element's sum beyond ±1e18
  /// counts as ±1e18.
  double weight_decay = 0.0;
  double clip_norm = 0.0;  ///< largest gradient norm, to 1e30; 0: no clipping

  // --- how it runs ---------------------------------------------------------
  /// Keys every random number: initialisation, noise and order of the data.
  std::uint64_t seed = 0;
  /// Largest training batch, 1..65536. Inference takes any count.
  std::uint32_t max_batch = 64;
  /// Samples of z per image in training. Only 1 for now.
  std::uint32_t samples = 1;
  /// CPU threads of this trainer, 1..1024; 0: as many as LibTorch would use.
  std::uint32_t threads = 0;
  /// Keep gradients readable after a step (Trainer::read_param).
  bool keep_gradients = false;
  /// automatic: a CUDA device that can be used, else the CPU.
  DeviceKind device = DeviceKind::automatic;
  std::int32_t device_index = 0;              ///< which CUDA device; >= 0
  Precision precision = Precision::fp32;      ///< of products
  EngineKind engine = EngineKind::automatic;  ///< what computes it
  NonFinite nonfinite = NonFinite::error;     ///< what such a step does
  /// Ask LibTorch for deterministic algorithms on CUDA; the CPU always is.
  bool deterministic = false;
  Graph graph = Graph::automatic;  ///< on CUDA; the CPU records nothing
  /// Training steps of a data set that one CUDA graph holds, 1..64; 0: 8. A run
  /// can be stopped, and reports, between graphs.
  std::uint32_t graph_steps = 0;

  /// @return Whether every field is equal.
  bool operator==(const Config&) const = default;
};

/// Throws Error(argument or unsupported), naming the first value that is not
/// allowed and the values that are. Never looks for a device.
/// C: vae_config_validate.
/// @param config What to check.
void validate(const Config& config);

/// The configuration as one JSON object; every field by its name, enumerations
/// by theirs ("bernoulli", "auto"). What config_from_json() reads back equals
/// it.
/// C: vae_config_to_json.
/// @param config A valid configuration.
/// @return The object.
std::string to_json(const Config& config);

/// Reads a JSON object of the fields of Config. A field that is absent keeps
/// its default; an unknown one, a wrong type or a value out of range is an
/// Error(format) or Error(argument) that names it. The result is validated.
/// C: vae_config_from_json.
/// @param json The text.
/// @return The configuration.
Config config_from_json(std::string_view json);

/// Reads the configuration from a file: a JSON file, or a model or checkpoint
/// that libvae wrote. Error(file) if it cannot be read, Error(format) if it
/// holds no configuration.
/// C: vae_config_from_file.
/// @param path UTF-8.
/// @return The configuration, validated.
Config config_from_file(const std::string& path);

}  // namespace vae
