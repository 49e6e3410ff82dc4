// Checks a configuration field by field. Devices and engines check later
// whether they support it.
#include "vae/config.hpp"

#include "base/check.hpp"
#include "base/limits.hpp"

namespace vae {
namespace {

template <class T>
void in_range(const char* name, T value, T low, T high) {
  // Written so that NaN fails too.
  require(value >= low && value <= high, Status::argument, name, " is ", value,
          "; allowed are ", low, " to ", high);
}

template <class Enum>
void one_of(const char* name, Enum value, std::int32_t last,
            const char* allowed) {
  const auto number = static_cast<std::int32_t>(value);
  require(number >= 1 && number <= last, Status::argument, name, " is ", number,
          "; allowed are ", allowed);
}

void check_model(const Config& c) {
  one_of("model", c.model, 1, "1 (VAE)");
  one_of("net", c.net, 2, "1 (conv), 2 (dense)");
  in_range("channels", c.channels, 1u, 4096u);
  in_range("height", c.height, 1u, 4096u);
  in_range("width", c.width, 1u, 4096u);
  const std::uint64_t pixels = std::uint64_t{c.channels} * c.height * c.width;
  require(pixels <= 1u << 24, Status::argument, "channels * height * width is ",
          pixels, "; allowed are at most ", 1u << 24);
  in_range("latent", c.latent, 1u, 4096u);
  const bool conv = c.net == Net::conv;
  const std::size_t fewest = conv ? 2 : 1;
  require(c.layers.size() >= fewest && c.layers.size() <= 8, Status::argument,
          "layers has ", c.layers.size(), " entries; a ",
          conv ? "convolutional" : "dense", " net takes ", fewest, " to 8");
  for (std::size_t i = 0; i < c.layers.size(); ++i)
    in_range(join("layers[", i, "]").c_str(), c.layers[i], 1u,
             conv ? 4096u : 65536u);
}

void check_learning(const Config& c) {
  one_of("likelihood", c.likelihood, 2, "1 (bernoulli), 2 (gaussian)");
  // Its square and the square's inverse are finite in float32.
  in_range("gaussian_sigma", c.gaussian_sigma, 1e-15, 1e15);
  in_range("kl_weight", c.kl_weight, 0.0, kLargestFactor);
  in_range("learning_rate", c.learning_rate, 0.0, kLargestFactor);
  require(c.beta1 >= 0 && c.beta1 < 1, Status::argument, "beta1 is ", c.beta1,
          "; allowed is 0 <= beta1 < 1");
  require(c.beta2 >= 0 && c.beta2 < 1, Status::argument, "beta2 is ", c.beta2,
          "; allowed is 0 <= beta2 < 1");
  // A smaller one is zero in float32 and would give 0 / 0 in Adam.
  in_range("epsilon", c.epsilon, 1e-37, kLargestFactor);
  in_range("weight_decay", c.weight_decay, 0.0, kLargestFactor);
  in_range("clip_norm", c.clip_norm, 0.0, kLargestFactor);
}

void check_running(const Config& c) {
  in_range("max_batch", c.max_batch, 1u, 65536u);
  require(c.samples == 1, Status::unsupported, "samples is ", c.samples,
          "; training draws 1 sample per image");
  in_range("threads", c.threads, 0u, 1024u);
  one_of("device", c.device, 3, "1 (cpu), 2 (cuda), 3 (auto)");
  in_range("device_index", c.device_index, 0, 1023);
  one_of("precision", c.precision, 3, "1 (fp32), 2 (tf32), 3 (bf16)");
  one_of("engine", c.engine, 4, "1 (auto), 2 (blocks), 3 (fused), 4 (tile)");
  one_of("nonfinite", c.nonfinite, 2, "1 (error), 2 (skip)");
  one_of("graph", c.graph, 3, "1 (auto), 2 (on), 3 (off)");
  in_range("graph_steps", c.graph_steps, 0u, 64u);
}

}  // namespace

void validate(const Config& config) {
  check_model(config);
  check_learning(config);
  check_running(config);
}

}  // namespace vae
