// Configurations through the C API: each error names the field, its value and
// the values allowed; conversion to JSON and back.
#include <cmath>
#include <cstdio>
#include <limits>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

struct Choice {
  const char* name;
  std::int32_t vae_config::*field;
  std::vector<std::string> allowed;
};

const std::vector<Choice>& choices() {
  static const std::vector<Choice> list{
      {"model", &vae_config::model, {"1 (VAE_MODEL_VAE)"}},
      {"net", &vae_config::net, {"1 (VAE_NET_CONV)", "2 (VAE_NET_DENSE)"}},
      {"likelihood",
       &vae_config::likelihood,
       {"1 (VAE_BERNOULLI)", "2 (VAE_GAUSSIAN)"}},
      {"device",
       &vae_config::device,
       {"1 (VAE_CPU)", "2 (VAE_CUDA)", "3 (VAE_AUTO)"}},
      {"precision",
       &vae_config::precision,
       {"1 (VAE_FP32)", "2 (VAE_TF32)", "3 (VAE_BF16)"}},
      {"engine",
       &vae_config::engine,
       {"1 (VAE_ENGINE_AUTO)", "2 (VAE_ENGINE_BLOCKS)", "3 (VAE_ENGINE_FUSED)",
        "4 (VAE_ENGINE_TILE)"}},
      {"graph",
       &vae_config::graph,
       {"1 (VAE_GRAPH_AUTO)", "2 (VAE_GRAPH_ON)", "3 (VAE_GRAPH_OFF)"}},
      {"nonfinite",
       &vae_config::nonfinite,
       {"1 (VAE_NONFINITE_ERROR)", "2 (VAE_NONFINITE_SKIP)"}}};
  return list;
}

void both_refuse(const vae_config& config, vae_status expected,
                 std::initializer_list<std::string> parts) {
  refused(vae_config_validate(&config), expected, parts);
  vae_trainer* trainer = nullptr;
  trainer = reinterpret_cast<vae_trainer*>(&trainer);  // to see it cleared
  refused(vae_create(&config, &trainer), expected, parts);
  CHECK(trainer == nullptr);
}

template <class T>
void refuse_value(T vae_config::*field, T value, const char* name) {
  CAPTURE(name);
  vae_config config = small_config();
  config.*field = value;
  both_refuse(config, VAE_E_ARGUMENT, {name});
}

std::string json_of(const vae_config& config) {
  std::uint64_t needed = 0;
  good(vae_config_to_json(&config, nullptr, 0, &needed));
  std::string text(needed, '#');
  good(vae_config_to_json(&config, text.data(), text.size(), nullptr));
  REQUIRE(text.back() == '\0');
  text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("an unknown choice is an error that names the allowed ones") {
  for (const Choice& choice : choices()) {
    for (const std::int32_t value : {0, -1, 5, 99}) {
      vae_config config = small_config();
      config.*(choice.field) = value;
      both_refuse(config, VAE_E_ARGUMENT,
                  {std::string(choice.name) + " is " + std::to_string(value)});
      for (const std::string& allowed : choice.allowed)
        both_refuse(config, VAE_E_ARGUMENT, {allowed});
    }
  }
}

TEST_CASE("a switch is 0 or 1") {
  refuse_value(&vae_config::sum_gradient, 2, "sum_gradient is 2");
  refuse_value(&vae_config::deterministic, -1, "deterministic is -1");
  refuse_value(&vae_config::keep_gradients, 7u, "keep_gradients is 7");
}

TEST_CASE("sizes are within their ranges") {
  for (const std::uint32_t value : {0u, 4097u}) {
    refuse_value(&vae_config::channels, value, "channels");
    refuse_value(&vae_config::height, value, "height");
    refuse_value(&vae_config::width, value, "width");
    refuse_value(&vae_config::latent, value, "latent");
  }
  refuse_value(&vae_config::max_batch, 0u, "max_batch");
  refuse_value(&vae_config::max_batch, 65537u, "max_batch");
  refuse_value(&vae_config::threads, 1025u, "threads");
  refuse_value(&vae_config::device_index, -1, "device_index");
}

TEST_CASE("layers are as many as layer_count says") {
  refuse_value(&vae_config::layer_count, 0u, "layers");
  refuse_value(&vae_config::layer_count, 9u, "layer_count is 9");
  vae_config config = small_config();
  config.layers[5] = 8;
  both_refuse(config, VAE_E_ARGUMENT, {"layers[5]", "8"});
  config = small_config();
  config.layers[1] = 0;
  both_refuse(config, VAE_E_ARGUMENT, {"layers[1]", "0"});
}

TEST_CASE("numbers are finite and within their ranges") {
  const double nan = std::nan(""),
               inf = std::numeric_limits<double>::infinity();
  for (const double value : {nan, inf, -1.0}) {
    refuse_value(&vae_config::gaussian_sigma, value, "gaussian_sigma");
    refuse_value(&vae_config::kl_weight, value, "kl_weight");
    refuse_value(&vae_config::learning_rate, value, "learning_rate");
    refuse_value(&vae_config::beta1, value, "beta1");
    refuse_value(&vae_config::beta2, value, "beta2");
    refuse_value(&vae_config::epsilon, value, "epsilon");
    refuse_value(&vae_config::weight_decay, value, "weight_decay");
    refuse_value(&vae_config::clip_norm, value, "clip_norm");
  }
  refuse_value(&vae_config::gaussian_sigma, 0.0, "gaussian_sigma");
  refuse_value(&vae_config::epsilon, 0.0, "epsilon");
  refuse_value(&vae_config::beta1, 1.0, "beta1");
}

TEST_CASE("reserved fields are unsupported") {
  vae_config config = small_config();
  config.condition_size = 10;
  both_refuse(config, VAE_E_UNSUPPORTED, {"condition_size", "10"});
  config = small_config();
  config.samples = 5;
  both_refuse(config, VAE_E_UNSUPPORTED, {"samples", "5"});
}

TEST_CASE("a configuration round-trips through JSON") {
  vae_config config = gaussian_config();
  config.learning_rate = 0.1 + 0.2;
  config.seed = 0xFFFFFFFFFFFFFFFFu;
  config.keep_gradients = 1;
  config.nonfinite = VAE_NONFINITE_SKIP;
  vae_config back = vae_default_config();
  good(vae_config_from_json(&back, json_of(config).c_str()));
  CHECK(std::memcmp(&back, &config, sizeof config) == 0);

  const char* path = "capi_config_test.json";
  std::FILE* file = std::fopen(path, "w");
  REQUIRE(file != nullptr);
  std::fputs(json_of(config).c_str(), file);
  std::fclose(file);
  back = vae_default_config();
  good(vae_config_from_file(&back, path));
  CHECK(std::memcmp(&back, &config, sizeof config) == 0);
  std::remove(path);
  refused(vae_config_from_file(&back, path), VAE_E_FILE, {path});
}

TEST_CASE("fields absent from JSON have their defaults") {
  vae_config config = small_config();
  good(vae_config_from_json(&config, "{\"latent\": 8}"));
  vae_config expected = vae_default_config();
  expected.latent = 8;
  CHECK(std::memcmp(&config, &expected, sizeof config) == 0);
}

TEST_CASE("bad JSON is refused by name and changes nothing") {
  const vae_config before = small_config();
  vae_config config = before;
  refused(vae_config_from_json(&config, "{\"latnet\": 8}"), VAE_E_ARGUMENT,
          {"latnet"});
  refused(vae_config_from_json(&config, "{\"latent\": \"8\"}"), VAE_E_FORMAT,
          {"latent"});
  refused(vae_config_from_json(&config, "{\"latent\": 0}"), VAE_E_ARGUMENT,
          {"latent"});
  refused(vae_config_from_json(&config, "{\"latent\": "), VAE_E_FORMAT);
  refused(vae_config_from_json(&config, ""), VAE_E_FORMAT);
  CHECK(std::memcmp(&config, &before, sizeof config) == 0);
}

TEST_CASE("the configuration in use is the one given, resolved") {
  const vae_config given = small_config();
  const Trainer trainer = make_trainer(given);
  good(vae_set(trainer.get(), VAE_LEARNING_RATE, 0.25));
  good(vae_set(trainer.get(), VAE_KL_WEIGHT, 0.5));
  vae_config config = vae_default_config();
  good(vae_get_config(trainer.get(), &config));
  CHECK(config.learning_rate == 0.25);
  CHECK(config.kl_weight == 0.5);
  CHECK(config.device == VAE_CPU);
  CHECK(config.threads == 1);
  CHECK(config.latent == given.latent);
  CHECK(config.seed == given.seed);
}

TEST_CASE("memory is told before creation") {
  vae_config config = small_config();
  config.device = VAE_CPU;
  std::uint64_t host = 0, device = 1, larger = 0;
  good(vae_config_memory(&config, &host, &device));
  CHECK(host > 0);
  CHECK(device == 0);
  config.max_batch *= 64;
  good(vae_config_memory(&config, &larger, nullptr));
  CHECK(larger > host);
  good(vae_config_memory(&config, nullptr, &device));
  CHECK(device == 0);
}

TEST_CASE("memory of a GPU is told without one") {
  vae_config config = small_config();
  config.device = VAE_CUDA;
  for (const std::int32_t engine :
       {VAE_ENGINE_AUTO, VAE_ENGINE_BLOCKS, VAE_ENGINE_FUSED}) {
    config.engine = engine;
    std::uint64_t host = 0, device = 0, larger = 0;
    good(vae_config_memory(&config, &host, &device));
    CHECK(host > 0);
    // Staging memory of 16 MiB twice on either side.
    CHECK(device > 2u << 24);
    config.max_batch *= 64;
    good(vae_config_memory(&config, nullptr, &larger));
    CHECK(larger > device);
    config.max_batch /= 64;
  }
}

TEST_CASE("memory of the largest configuration is told at once") {
  vae_config config = small_config();
  config.device = VAE_CPU;
  config.channels = 1;
  config.height = config.width = 4096;
  config.layers[0] = config.layers[1] = 4096;
  config.layers[2] = 0;
  config.layer_count = 2;
  config.max_batch = 65536;
  std::uint64_t host = 0;
  good(vae_config_memory(&config, &host, nullptr));
  CHECK(host > std::uint64_t{1} << 50);
}

TEST_CASE("memory is refused for what cannot be created, and nothing is set") {
  std::uint64_t host = 7, device = 7;
  vae_config config = small_config();
  config.max_batch = 0;
  refused(vae_config_memory(&config, &host, &device), VAE_E_ARGUMENT,
          {"max_batch is 0"});
  config = small_config();
  config.device = VAE_CPU;
  config.engine = VAE_ENGINE_FUSED;
  refused(vae_config_memory(&config, &host, &device), VAE_E_UNSUPPORTED,
          {"fused"});
  CHECK(host == 7);
  CHECK(device == 7);
}
