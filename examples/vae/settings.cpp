// Each option writes one field of a JSON object; the library reads the object,
// so that names, ranges and their errors are its own.
#include "settings.hpp"

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace cli {

using nlohmann::json;

template <class Value>
CLI::Option* Settings::field(CLI::App& app, const std::string& option,
                             const std::string& name, const std::string& help) {
  const auto set_field = [this, option, name](const Value& value) {
    if constexpr (std::is_floating_point_v<Value>) {
      // JSON has no such numbers.
      if (!std::isfinite(value)) {
        throw CLI::ValidationError(option, "wants a finite number");
      }
    }
    given_[name] = value;
  };
  return app.add_option_function<Value>(option, set_field, help);
}

void Settings::add_device_options(CLI::App& app) {
  field<std::string>(app, "--device", "device", "Where to compute")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->default_str("auto");
  field<std::uint32_t>(app, "--threads", "threads",
                       "CPU threads; 0: as many as there are cores")
      ->default_str("0");
  field<std::string>(app, "--precision", "precision", "Arithmetic of products")
      ->check(CLI::IsMember({"fp32", "bf16", "tf32"}))
      ->default_str("fp32");
  field<std::string>(app, "--engine", "engine",
                     "What computes; fused: own kernels, on GPUs only")
      ->check(CLI::IsMember({"auto", "blocks", "fused", "tile"}))
      ->default_str("auto");
  field<std::string>(app, "--graph", "graph",
                     "Record the work of a GPU as CUDA graphs")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->default_str("auto");
  field<std::uint32_t>(app, "--graph-steps", "graph_steps",
                       "Training steps in one CUDA graph; 0: 8")
      ->default_str("0");
}

void Settings::add_model_options(CLI::App& app) {
  field<std::uint32_t>(app, "--latent", "latent", "Length of the latent code")
      ->default_str("32");
  field<std::string>(app, "--net", "net",
                     "Convolutions, or fully connected layers")
      ->check(CLI::IsMember({"conv", "dense"}))
      ->default_str("conv");
  field<std::vector<std::uint32_t>>(
      app, "--layers", "layers",
      "Channels of the convolutions, or hidden sizes (dense: 512,256)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str("64,128,128");
  field<std::string>(app, "--likelihood", "likelihood",
                     "Of the pixels given the code")
      ->check(CLI::IsMember({"bernoulli", "gaussian"}))
      ->default_str("bernoulli");
  field<double>(app, "--sigma", "gaussian_sigma",
                "Standard deviation of the Gaussian likelihood")
      ->default_str("1");
  field<double>(app, "--kl-weight", "kl_weight",
                "Weight of the KL divergence (beta)")
      ->default_str("1");
  field<double>(app, "--learning-rate", "learning_rate", "Adam's step size")
      ->default_str("0.001");
  field<double>(app, "--weight-decay", "weight_decay", "L2 penalty")
      ->default_str("0");
  field<double>(app, "--clip", "clip_norm",
                "Largest norm of the gradient; 0 does not clip")
      ->default_str("0");
  app.add_flag_callback(
      "--mean-loss", [this] { given_["sum_gradient"] = false; },
      "Gradients of the mean over the batch instead of the sum");
  field<std::uint64_t>(app, "--seed", "seed",
                       "Keys initialisation, noise and order of the data")
      ->default_str("0");
}

vae_config Settings::apply(const vae_config& base) const {
  json whole = to_json(base);
  whole.update(given_);
  vae_config config = default_config();
  const vae_status status = vae_config_from_json(&config, whole.dump().c_str());
  if (status == VAE_E_ARGUMENT) {
    throw CLI::ValidationError("options", vae_last_error());
  }
  check(status);
  return config;
}

CLI::Validator at_least_one() {
  return CLI::Validator(
      [](const std::string& value) {
        return value == "0" ? std::string("0 is not allowed; at least 1")
                            : std::string();
      },
      "");
}

json to_json(const vae_config& config) {
  return json::parse(
      text_from([&](char* text, std::uint64_t capacity, std::uint64_t* needed) {
        return vae_config_to_json(&config, text, capacity, needed);
      }));
}

}  // namespace cli
