// Configuration of a trainer: model, objective, optimizer and execution. A
// default-constructed Config is the original program's: a convolutional VAE for
// 28x28 grey images.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vae {

// [fields: choices] by tools/fields/generate; do not edit
/// Which model is trained.
enum class Model : std::int32_t {
  /// Variational autoencoder (Kingma & Welling 2014).
  vae = 1,
};

/// The network around the latent code.
enum class Net : std::int32_t {
  /// Convolutions with BatchNorm and LeakyReLU, for images.
  conv = 1,
  /// Fully connected layers without BatchNorm, for vectors of any kind.
  dense = 2,
};

/// p(x|z), computed from the decoder's output.
enum class Likelihood : std::int32_t {
  /// Bernoulli on logits; targets anywhere in [0, 1].
  bernoulli = 1,
  /// Gaussian of fixed variance, `gaussian_sigma` squared.
  gaussian = 2,
};

/// Where a trainer computes.
enum class DeviceKind : std::int32_t {
  /// The CPU and host memory.
  cpu = 1,
  /// An NVIDIA GPU and its memory.
  cuda = 2,
  /// A GPU if one can be used, else the CPU; only in a configuration.
  automatic = 3,
};

/// Arithmetic of matrix products; parameters, statistics and losses are fp32.
enum class Precision : std::int32_t {
  /// IEEE single precision.
  fp32 = 1,
  /// Inputs of matrix products rounded to TF32 (GPU).
  tf32 = 2,
  /// Matrix products of bfloat16 inputs, accumulated in single precision.
  bf16 = 3,
};

/// Which implementation computes the network.
enum class EngineKind : std::int32_t {
  /// The fastest engine that supports the configuration.
  automatic = 1,
  /// Any shape on any device; the reference for the others.
  blocks = 2,
  /// Fused kernels of libvae, GPU only. They also compute the matrix products
  /// if precision is bf16, compute capability is at least 8.0, images have one
  /// channel, and `layers` and `latent` are multiples of 8; otherwise LibTorch
  /// does. The field "products" of Trainer::diagnose() tells which.
  fused = 3,
  /// Every layer is computed tile by tile in the cache. CPU only; convolutions
  /// whose channels are multiples of 16, images of at most 4 channels.
  tile = 4,
};

/// Action when the loss, gradient or a BatchNorm statistic of a training step
/// is NaN or infinite. Such a step is never committed: parameters, moments and
/// running statistics stay finite.
enum class NonFinite : std::int32_t {
  /// The step fails with Status::nonfinite.
  error = 1,
  /// The step is counted as skipped, training continues.
  skip = 2,
};

/// Whether work on a GPU is recorded as a CUDA graph and replayed, which saves
/// launching every kernel.
enum class Graph : std::int32_t {
  /// Where possible; Trainer::diagnose() tells.
  automatic = 1,
  /// Always; Status::unsupported where it is not possible.
  on = 2,
  /// Never: every kernel is launched individually.
  off = 3,
};

/// How an update follows from the gradient.
enum class Optimizer : std::int32_t {
  /// Adam (Kingma & Ba 2015), as torch.optim.Adam.
  adam = 1,
  /// Stochastic gradient descent with momentum `beta1`, as torch.optim.SGD.
  sgd = 2,
};

/// The learning rate after the warm-up, as a function of the updates.
enum class Schedule : std::int32_t {
  /// `learning_rate`.
  constant = 1,
  /// From `learning_rate` along half a cosine to `schedule_floor` times it
  /// (Loshchilov & Hutter 2017).
  cosine = 2,
};
// [end of choices]

/// Configuration of a trainer. validate() checks the ranges.
/// C: vae_config_init, vae_default_config.
struct Config {
  // [fields: fields] by tools/fields/generate; do not edit
  // --- model ---------------------------------------------------------------
  /// Which model is trained; default Model::vae.
  Model model = Model::vae;
  /// Which network; default Net::conv.
  Net net = Net::conv;
  /// Channels of an image, 1..4096; default 1. A vector that is not an image is
  /// 1 x 1 x its length.
  std::uint32_t channels = 1;
  /// Rows of an image, 1..4096; default 28.
  std::uint32_t height = 28;
  /// Columns of an image, 1..4096; default 28. Channels x height x width is at
  /// most 16777216.
  std::uint32_t width = 28;
  /// Length of the latent code, 1..4096; default 32.
  std::uint32_t latent = 32;
  /// Net::conv: output channels of the encoder's 2..8 convolutions, each
  /// 1..4096. All but the last halve height and width (kernel 4, stride 2); the
  /// last keeps them (kernel 3). The decoder mirrors the encoder. Net::dense:
  /// 1..8 hidden sizes, each 1..65536. Default 64, 128, 128.
  std::vector<std::uint32_t> layers{64, 128, 128};

  // --- objective: reconstruction + kl_weight * KL --------------------------
  /// p(x|z); default Likelihood::bernoulli.
  Likelihood likelihood = Likelihood::bernoulli;
  /// true (default): the gradient is of the loss summed over the batch, as in
  /// the original; false: of its mean. Reported losses are always means.
  bool sum_gradient = true;
  /// Standard deviation of Likelihood::gaussian, in units of a pixel's [0, 1],
  /// 1e-15 to 1e15; default 1.
  double gaussian_sigma = 1.0;
  /// Weight of the KL divergence (beta of beta-VAE), 0 to 1e30; default 1.
  double kl_weight = 1.0;

  // --- optimizer: Adam (Kingma & Ba 2015), as torch.optim.Adam -------------
  /// Adam's step size, 0 to 1e30; default 0.001.
  double learning_rate = 0.001;
  /// Decay of Adam's mean of the gradient, in [0, 1); default 0.9.
  double beta1 = 0.9;
  /// Decay of Adam's mean of the squared gradient, in [0, 1); default 0.999.
  double beta2 = 0.999;
  /// Added to Adam's divisor, 1e-37 to 1e30; default 1e-8.
  double epsilon = 1e-8;
  /// Added to the gradient (L2, as in PyTorch's Adam), 0 to 1e30; default 0.
  /// Each element of the sum is limited to +-1e18.
  double weight_decay = 0.0;
  /// The whole gradient is scaled down to this norm, 0 to 1e30; 0 (default): no
  /// clipping.
  double clip_norm = 0.0;

  // --- how it runs ---------------------------------------------------------
  /// Of initialisation, noise and data order; default 0.
  std::uint64_t seed = 0;
  /// Most images of a training step, 1..65536; default 64. The first step
  /// allocates memory for them. Inference takes any count.
  std::uint32_t max_batch = 64;
  /// Codes drawn per image in training: only 1.
  std::uint32_t samples = 1;
  /// CPU threads of this trainer, 1..1024; 0 (default): LibTorch's choice.
  std::uint32_t threads = 0;
  /// true: Trainer::read_param() can read gradients after a step; false
  /// (default): it cannot.
  bool keep_gradients = false;
  /// Where it computes; default DeviceKind::automatic.
  DeviceKind device = DeviceKind::automatic;
  /// Which GPU, 0..1023; default 0.
  std::int32_t device_index = 0;
  /// Arithmetic of matrix products; default Precision::fp32.
  Precision precision = Precision::fp32;
  /// What computes the network; default EngineKind::automatic.
  EngineKind engine = EngineKind::automatic;
  /// What a training step does that is NaN or infinite; default
  /// NonFinite::error.
  NonFinite nonfinite = NonFinite::error;
  /// true: deterministic algorithms on a GPU; false (default): any. The CPU is
  /// always deterministic.
  bool deterministic = false;
  /// Recording on a GPU; default Graph::automatic. No effect on the CPU.
  Graph graph = Graph::automatic;
  /// Training steps of Trainer::train_epoch() per CUDA graph, 1..64; 0
  /// (default): 8. Cancellation and progress callbacks happen between graphs.
  std::uint32_t graph_steps = 0;

  // --- optimizer and schedules ---------------------------------------------
  /// How an update follows from the gradient; default Optimizer::adam.
  Optimizer optimizer = Optimizer::adam;
  /// The learning rate after the warm-up; default Schedule::constant.
  Schedule schedule = Schedule::constant;
  /// Share of the learning rate at the end of Schedule::cosine, 0 to 1; default
  /// 0.
  double schedule_floor = 0.0;
  /// Update at which Schedule::cosine ends, more than `warmup_updates`; the
  /// rate stays there; default 0.
  std::uint64_t schedule_updates = 0;
  /// Updates over which the learning rate rises linearly to its full value; 0
  /// (default): no warm-up.
  std::uint64_t warmup_updates = 0;
  /// Updates over which the KL weight rises linearly from 0 to `kl_weight`; 0
  /// (default): no warm-up. Evaluation uses the full weight.
  std::uint64_t kl_warmup_updates = 0;
  /// Updates after which the KL weight's warm-up begins again (Fu et al. 2019),
  /// at least `kl_warmup_updates`; 0 (default): never.
  std::uint64_t kl_cycle_updates = 0;
  // [end of fields]

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
