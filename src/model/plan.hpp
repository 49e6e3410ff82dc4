// The model that a configuration describes: its layers in order, and its
// tensors with the names, shapes and initial distributions of the PyTorch
// module. It allocates no state: an engine decides how to compute it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vae/config.hpp"

namespace vae::model {

enum class LayerKind { conv, conv_transposed, linear };
enum class Activation { none, relu, leaky_relu };

/// LeakyReLU's slope and BatchNorm's constants, as in the original program.
inline constexpr double kLeakySlope = 0.2;
inline constexpr double kNormEpsilon = 1e-5;
inline constexpr double kNormMomentum = 0.1;
/// Of every convolution, on each side.
inline constexpr std::int64_t kPadding = 1;

/// Channels, height, width. A plain vector is {length, 1, 1}.
struct Extent {
  std::int64_t c = 0, h = 1, w = 1;
  std::int64_t size() const { return c * h * w; }
  bool operator==(const Extent&) const = default;
};

/// One tensor of the module. `dims` is `shape` with a flattened image axis
/// split into C, H, W, so that an engine can store channels last; `image_axis`
/// is the index of C in `dims`, or -1.
struct Tensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> dims;
  int image_axis = -1;
  /// > 0: initialised uniform in ±1/sqrt(fan_in); 0: initialised to `constant`.
  std::int64_t fan_in = 0;
  float constant = 0.0f;
  std::int64_t elements() const;
};

/// One layer of the encoder or decoder: convolution or linear, optional
/// BatchNorm, activation. Tensors are indices into Plan::params and
/// Plan::running; -1: none.
struct Layer {
  LayerKind kind = LayerKind::linear;
  Extent in, out;
  std::int64_t kernel = 1, stride = 1;  // padding is kPadding
  int weight = -1, bias = -1;
  int norm_weight = -1, norm_bias = -1;
  int running_mean = -1, running_var = -1;
  Activation activation = Activation::none;
  bool normalised() const { return norm_weight >= 0; }
};

/// A tensor in the order of PyTorch's state_dict.
struct Entry {
  bool trainable;  // index into params, else into running
  int index;
};

struct Plan {
  Extent image;     // input of the encoder, output of the decoder
  Extent features;  // output of the encoder, input of the heads
  std::int64_t latent = 0;
  std::vector<Layer> encoder;
  Layer mean_head, logvar_head;  // fc11, fc12
  Layer expand;                  // fc2
  std::vector<Layer> decoder;
  std::vector<Tensor> params;               // trainable, in state_dict order
  std::vector<Tensor> running;              // BatchNorm's statistics
  std::vector<Entry> entries;               // both, in state_dict order
  std::vector<std::string> batch_counters;  // num_batches_tracked

  const Tensor& tensor(const Entry& entry) const;
  /// Index into `entries`, or -1.
  int find(const std::string& name) const;
  /// Whether `name` is one of `batch_counters`.
  bool is_counter(const std::string& name) const;
  /// Smallest training batch: BatchNorm needs two values per channel.
  std::int64_t min_batch() const {
    for (const Layer& layer : encoder)
      if (layer.normalised() && layer.out.h * layer.out.w == 1) return 2;
    return 1;
  }
};

/// The plan of a valid configuration. Error(argument) if the image is too
/// small for its layers.
Plan make_plan(const Config& config);

/// Initial values of trainable tensor `index`, in PyTorch's order: PyTorch's
/// default distribution (Kaiming uniform with a = sqrt(5), which is uniform in
/// ±1/sqrt(fan_in)), drawn with Philox, so that all engines and devices start
/// with the same values.
std::vector<float> initial_param(const Plan& plan, int index,
                                 std::uint64_t seed);

}  // namespace vae::model
