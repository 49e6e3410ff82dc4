// vae_config to Config and back.
#include <algorithm>

#include "convert.hpp"
#include "guard.hpp"
#include "sized.hpp"

namespace vae::capi {
namespace {

// The numbers of the C++ enumerations are those of vae.h.
static_assert(static_cast<int>(Model::vae) == VAE_MODEL_VAE);
static_assert(static_cast<int>(Net::conv) == VAE_NET_CONV);
static_assert(static_cast<int>(Net::dense) == VAE_NET_DENSE);
static_assert(static_cast<int>(Likelihood::bernoulli) == VAE_BERNOULLI);
static_assert(static_cast<int>(Likelihood::gaussian) == VAE_GAUSSIAN);
static_assert(static_cast<int>(DeviceKind::cpu) == VAE_CPU);
static_assert(static_cast<int>(DeviceKind::cuda) == VAE_CUDA);
static_assert(static_cast<int>(DeviceKind::automatic) == VAE_AUTO);
static_assert(static_cast<int>(Precision::fp32) == VAE_FP32);
static_assert(static_cast<int>(Precision::tf32) == VAE_TF32);
static_assert(static_cast<int>(Precision::bf16) == VAE_BF16);
static_assert(static_cast<int>(EngineKind::automatic) == VAE_ENGINE_AUTO);
static_assert(static_cast<int>(EngineKind::blocks) == VAE_ENGINE_BLOCKS);
static_assert(static_cast<int>(EngineKind::fused) == VAE_ENGINE_FUSED);
static_assert(static_cast<int>(EngineKind::tile) == VAE_ENGINE_TILE);
static_assert(static_cast<int>(Graph::automatic) == VAE_GRAPH_AUTO);
static_assert(static_cast<int>(Graph::on) == VAE_GRAPH_ON);
static_assert(static_cast<int>(Graph::off) == VAE_GRAPH_OFF);
static_assert(static_cast<int>(NonFinite::error) == VAE_NONFINITE_ERROR);
static_assert(static_cast<int>(NonFinite::skip) == VAE_NONFINITE_SKIP);

bool read_switch(const char* field, std::int64_t value) {
  if (value != 0 && value != 1)
    refuse(Status::argument, "config.", field, " is ", value,
           "; allowed are 0 and 1");
  return value == 1;
}

std::vector<std::uint32_t> read_layers(const vae_config& c) {
  if (c.layer_count > VAE_MAX_LAYERS)
    refuse(Status::argument, "config.layer_count is ", c.layer_count,
           "; allowed are at most ", VAE_MAX_LAYERS);
  for (std::uint32_t i = c.layer_count; i < VAE_MAX_LAYERS; ++i) {
    if (c.layers[i] != 0)
      refuse(Status::argument, "config.layers[", i, "] is ", c.layers[i],
             "; with layer_count ", c.layer_count, " it must be 0");
  }
  return {c.layers, c.layers + c.layer_count};
}

void check_model(const vae_config& c) {
  check_choice("config", "model", c.model, {{VAE_MODEL_VAE, "VAE_MODEL_VAE"}});
  check_choice(
      "config", "net", c.net,
      {{VAE_NET_CONV, "VAE_NET_CONV"}, {VAE_NET_DENSE, "VAE_NET_DENSE"}});
  check_choice(
      "config", "likelihood", c.likelihood,
      {{VAE_BERNOULLI, "VAE_BERNOULLI"}, {VAE_GAUSSIAN, "VAE_GAUSSIAN"}});
  if (c.condition_size != 0)
    refuse(Status::unsupported, "config.condition_size is ", c.condition_size,
           "; conditional models are not supported; it must be 0");
}

void check_running(const vae_config& c) {
  check_choice(
      "config", "device", c.device,
      {{VAE_CPU, "VAE_CPU"}, {VAE_CUDA, "VAE_CUDA"}, {VAE_AUTO, "VAE_AUTO"}});
  check_choice(
      "config", "precision", c.precision,
      {{VAE_FP32, "VAE_FP32"}, {VAE_TF32, "VAE_TF32"}, {VAE_BF16, "VAE_BF16"}});
  check_choice("config", "engine", c.engine,
               {{VAE_ENGINE_AUTO, "VAE_ENGINE_AUTO"},
                {VAE_ENGINE_BLOCKS, "VAE_ENGINE_BLOCKS"},
                {VAE_ENGINE_FUSED, "VAE_ENGINE_FUSED"},
                {VAE_ENGINE_TILE, "VAE_ENGINE_TILE"}});
  check_choice("config", "graph", c.graph,
               {{VAE_GRAPH_AUTO, "VAE_GRAPH_AUTO"},
                {VAE_GRAPH_ON, "VAE_GRAPH_ON"},
                {VAE_GRAPH_OFF, "VAE_GRAPH_OFF"}});
  check_choice("config", "nonfinite", c.nonfinite,
               {{VAE_NONFINITE_ERROR, "VAE_NONFINITE_ERROR"},
                {VAE_NONFINITE_SKIP, "VAE_NONFINITE_SKIP"}});
}

void read_learning(const vae_config& c, Config& to) {
  to.likelihood = static_cast<Likelihood>(c.likelihood);
  to.sum_gradient = read_switch("sum_gradient", c.sum_gradient);
  to.gaussian_sigma = c.gaussian_sigma;
  to.kl_weight = c.kl_weight;
  to.learning_rate = c.learning_rate;
  to.beta1 = c.beta1;
  to.beta2 = c.beta2;
  to.epsilon = c.epsilon;
  to.weight_decay = c.weight_decay;
  to.clip_norm = c.clip_norm;
}

void read_running(const vae_config& c, Config& to) {
  to.seed = c.seed;
  to.max_batch = c.max_batch;
  to.samples = c.samples;
  to.threads = c.threads;
  to.keep_gradients = read_switch("keep_gradients", c.keep_gradients);
  to.device = static_cast<DeviceKind>(c.device);
  to.device_index = c.device_index;
  to.precision = static_cast<Precision>(c.precision);
  to.engine = static_cast<EngineKind>(c.engine);
  to.nonfinite = static_cast<NonFinite>(c.nonfinite);
  to.deterministic = read_switch("deterministic", c.deterministic);
  to.graph = static_cast<Graph>(c.graph);
  to.graph_steps = c.graph_steps;
}

void running_to_c(const Config& from, vae_config& c) {
  c.seed = from.seed;
  c.max_batch = from.max_batch;
  c.samples = from.samples;
  c.threads = from.threads;
  c.keep_gradients = from.keep_gradients;
  c.device = static_cast<std::int32_t>(from.device);
  c.device_index = from.device_index;
  c.precision = static_cast<std::int32_t>(from.precision);
  c.engine = static_cast<std::int32_t>(from.engine);
  c.nonfinite = static_cast<std::int32_t>(from.nonfinite);
  c.deterministic = from.deterministic;
  c.graph = static_cast<std::int32_t>(from.graph);
  c.graph_steps = from.graph_steps;
}

}  // namespace

void check_abi(std::uint32_t abi_version) {
  if (abi_version != VAE_ABI_VERSION)
    refuse(Status::version, "abi_version is ", abi_version,
           "; this library has ", VAE_ABI_VERSION,
           " (compile the host with this library's vae.h)");
}

Config read_config(const vae_config* config) {
  const vae_config c = read(config, "config");
  check_abi(c.abi_version);
  check_model(c);
  check_running(c);
  Config to;
  to.model = static_cast<Model>(c.model);
  to.net = static_cast<Net>(c.net);
  to.channels = c.channels;
  to.height = c.height;
  to.width = c.width;
  to.latent = c.latent;
  to.layers = read_layers(c);
  read_learning(c, to);
  read_running(c, to);
  return to;
}

void check_writable(const vae_config* config) {
  check_abi(read(config, "config").abi_version);
}

vae_config to_c(const Config& from) {
  if (from.layers.size() > VAE_MAX_LAYERS)
    refuse(Status::internal, "a configuration has ", from.layers.size(),
           " layers");
  vae_config c{};
  c.struct_size = sizeof c;
  c.abi_version = VAE_ABI_VERSION;
  c.model = static_cast<std::int32_t>(from.model);
  c.net = static_cast<std::int32_t>(from.net);
  c.channels = from.channels;
  c.height = from.height;
  c.width = from.width;
  c.latent = from.latent;
  c.layer_count = static_cast<std::uint32_t>(from.layers.size());
  std::copy(from.layers.begin(), from.layers.end(), c.layers);
  c.likelihood = static_cast<std::int32_t>(from.likelihood);
  c.sum_gradient = from.sum_gradient;
  c.gaussian_sigma = from.gaussian_sigma;
  c.kl_weight = from.kl_weight;
  c.learning_rate = from.learning_rate;
  c.beta1 = from.beta1;
  c.beta2 = from.beta2;
  c.epsilon = from.epsilon;
  c.weight_decay = from.weight_decay;
  c.clip_norm = from.clip_norm;
  running_to_c(from, c);
  return c;
}

}  // namespace vae::capi
