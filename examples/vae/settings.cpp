// Each option writes one field of a JSON object, which the library parses. So
// names, ranges and error texts are the library's.
#include "settings.hpp"

#include <cstdint>
#include <sstream>
#include <vector>

namespace cli {

using nlohmann::json;

namespace {

/// The library's default of a field, as a user would write it.
std::string default_of(const std::string& field) {
  static const json defaults = to_json(default_config());
  const json& value = defaults.at(field);
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number_float()) return value.dump();
  std::ostringstream text;
  text << value.get<double>();
  return text.str();
}

}  // namespace

CLI::Option* Settings::choice(CLI::App& app, const std::string& option,
                              const std::string& name, const std::string& help,
                              const std::set<std::string>& choices) {
  return app
      .add_option_function<std::string>(
          option,
          [this, name](const std::string& text) { given_[name] = text; }, help)
      ->check(CLI::IsMember(choices))
      ->default_str(default_of(name));
}

CLI::Option* Settings::whole(CLI::App& app, const std::string& option,
                             const std::string& name, const std::string& help,
                             const Range& range) {
  return add_whole(app, option, help, range,
                   [this, name](std::uint64_t value) { given_[name] = value; })
      ->default_str(default_of(name));
}

CLI::Option* Settings::number(CLI::App& app, const std::string& option,
                              const std::string& name,
                              const std::string& help) {
  return add_number(app, option, help,
                    [this, name](double value) { given_[name] = value; })
      ->default_str(default_of(name));
}

void Settings::add_device_options(CLI::App& app) {
  choice(app, "--device", "device", "Device", {"auto", "cpu", "cuda"});
  whole(app, "--threads", "threads",
        "CPU threads; 0: as many as there are cores", kAny32);
  choice(app, "--precision", "precision", "Precision of matrix products",
         {"fp32", "bf16", "tf32"});
  choice(app, "--engine", "engine",
         "Implementation; fused: libvae's kernels, GPUs only",
         {"auto", "blocks", "fused", "tile"});
  choice(app, "--graph", "graph", "Record the work of a GPU as CUDA graphs",
         {"auto", "on", "off"});
  whole(app, "--graph-steps", "graph_steps",
        "Training steps in one CUDA graph; 0: 8", kAny32);
}

void Settings::add_model_options(CLI::App& app) {
  whole(app, "--latent", "latent", "Length of the latent code", kAny32);
  choice(app, "--net", "net", "Convolutions, or fully connected layers",
         {"conv", "dense"});
  add_list(app, "--layers",
           "Channels of the convolutions, or hidden sizes (dense: 512,256)",
           kAny32,
           [this](const std::vector<std::uint64_t>& sizes) {
             given_["layers"] = sizes;
           })
      ->default_str("64,128,128");
  choice(app, "--likelihood", "likelihood", "p(x|z) of the pixels",
         {"bernoulli", "gaussian"});
  number(app, "--sigma", "gaussian_sigma",
         "Standard deviation of the Gaussian likelihood");
  number(app, "--kl-weight", "kl_weight", "Weight of the KL divergence (beta)");
  number(app, "--learning-rate", "learning_rate", "Learning rate");
  number(app, "--weight-decay", "weight_decay", "L2 penalty");
  number(app, "--clip", "clip_norm",
         "Largest norm of the gradient; 0: no clipping");
  app.add_flag_callback(
      "--mean-loss", [this] { given_["sum_gradient"] = false; },
      "Gradient of the mean over the batch, not the sum");
  whole(app, "--seed", "seed", "Seed of initial values, noise and data order",
        Range{});
  add_schedule_options(app);
}

void Settings::add_schedule_options(CLI::App& app) {
  choice(app, "--optimizer", "optimizer", "Adam, or SGD with momentum --beta1",
         {"adam", "sgd"});
  number(app, "--beta1", "beta1", "Decay of the gradient's mean; momentum");
  choice(app, "--schedule", "schedule", "Learning rate after the warm-up",
         {"constant", "cosine"});
  whole(app, "--schedule-updates", "schedule_updates",
        "Update at which the cosine ends", Range{});
  number(app, "--schedule-floor", "schedule_floor",
         "Share of the learning rate at the cosine's end");
  whole(app, "--warmup", "warmup_updates",
        "Updates over which the learning rate rises", Range{});
  whole(app, "--kl-warmup", "kl_warmup_updates",
        "Updates over which the KL weight rises from 0", Range{});
  whole(app, "--kl-cycle", "kl_cycle_updates",
        "Updates after which --kl-warmup begins again; 0: never", Range{});
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

json to_json(const vae_config& config) {
  return json::parse(
      text_from([&](char* text, std::uint64_t capacity, std::uint64_t* needed) {
        return vae_config_to_json(&config, text, capacity, needed);
      }));
}

}  // namespace cli
