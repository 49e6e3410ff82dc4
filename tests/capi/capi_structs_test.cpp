// The structs of vae.h: offsets of fields, what init functions write, and hosts
// of other versions.
#include <array>
#include <cstring>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

template <class T>
struct InitOf {
  vae_status (*init)(T*, std::uint32_t);
  std::uint32_t minimum;
};

vae_status config_init(vae_config* config, std::uint32_t size) {
  return vae_config_init(config, size, VAE_ABI_VERSION);
}

/// A struct followed by a field that a newer host might have.
template <class T>
struct Newer {
  T known;
  std::uint64_t future[2];
};

template <class T>
void init_keeps_its_rules(const InitOf<T>& api) {
  std::array<unsigned char, sizeof(Newer<T>) + 8> memory;
  auto* object = reinterpret_cast<T*>(memory.data());
  for (std::uint32_t size = api.minimum; size <= sizeof(Newer<T>); size += 8) {
    CAPTURE(size);
    memory.fill(0xAB);
    good(api.init(object, size));
    std::uint32_t written = 0;
    std::memcpy(&written, memory.data(), sizeof written);
    CHECK(written == size);
    for (std::size_t i = size; i < memory.size(); ++i)
      REQUIRE(memory[i] == 0xAB);
    for (std::size_t i = sizeof(T); i < size; ++i) REQUIRE(memory[i] == 0);
  }
  for (const std::uint32_t size :
       {0u, 4u, api.minimum - 8, api.minimum + 4, 4104u, 0xCCCCCCCCu}) {
    memory.fill(0xAB);
    refused(api.init(object, size), VAE_E_ARGUMENT,
            {"struct_size", std::to_string(size), std::to_string(api.minimum),
             std::to_string(sizeof(T))});
    for (const unsigned char byte : memory) REQUIRE(byte == 0xAB);
  }
  refused(api.init(nullptr, sizeof(T)), VAE_E_ARGUMENT, {"NULL"});
}

/// `use` passes the struct to a function that reads it.
template <class T, class Use>
void sizes_are_checked(const T& valid, std::uint32_t minimum, Use&& use) {
  T changed = valid;
  for (const std::uint32_t size : {0u, 8u, minimum - 8, minimum + 4, 5000u}) {
    changed.struct_size = size;
    refused(use(&changed), VAE_E_ARGUMENT,
            {"struct_size", std::to_string(size), std::to_string(minimum)});
  }
  // Ends after an older host's last field: the following memory must be neither
  // read nor written.
  std::vector<unsigned char> older(minimum + 64, 0xEE);
  std::memcpy(older.data(), &valid, minimum);
  std::memcpy(older.data(), &minimum, sizeof minimum);
  good(use(reinterpret_cast<T*>(older.data())));
  for (std::size_t i = minimum; i < older.size(); ++i)
    REQUIRE(older[i] == 0xEE);

  Newer<T> newer{valid, {0, 0}};
  newer.known.struct_size = sizeof newer;
  good(use(&newer.known));
  newer.future[1] = std::uint64_t{1} << 56;
  refused(use(&newer.known), VAE_E_VERSION,
          {std::to_string(sizeof newer), std::to_string(sizeof(T))});
}

}  // namespace

TEST_CASE("the oldest accepted struct ends where vae.h says") {
  CHECK(offsetof(vae_config, device) == 168);
  CHECK(offsetof(vae_batch, stream) == 40);
  CHECK(offsetof(vae_output, stream) == 40);
  CHECK(offsetof(vae_metrics, kl_per_dim) == 88);
  CHECK(offsetof(vae_run, progress) == 24);
  CHECK(offsetof(vae_sampling, labels) == 40);
}

TEST_CASE("init writes the caller's bytes and no others") {
  init_keeps_its_rules(InitOf<vae_config>{config_init, 168});
  init_keeps_its_rules(InitOf<vae_batch>{vae_batch_init, 40});
  init_keeps_its_rules(InitOf<vae_output>{vae_output_init, 40});
  init_keeps_its_rules(InitOf<vae_metrics>{vae_metrics_init, 88});
  init_keeps_its_rules(InitOf<vae_run>{vae_run_init, 24});
  init_keeps_its_rules(InitOf<vae_sampling>{vae_sampling_init, 40});
  init_keeps_its_rules(InitOf<vae_param>{vae_param_init, 152});
}

TEST_CASE("the defaults are the original program") {
  const vae_config c = vae_default_config();
  CHECK(c.struct_size == sizeof c);
  CHECK(c.abi_version == VAE_ABI_VERSION);
  CHECK(c.model == VAE_MODEL_VAE);
  CHECK(c.net == VAE_NET_CONV);
  CHECK(c.channels == 1);
  CHECK(c.height == 28);
  CHECK(c.width == 28);
  CHECK(c.latent == 32);
  CHECK(c.layer_count == 3);
  CHECK(c.condition_size == 0);
  const std::uint32_t layers[8] = {64, 128, 128, 0, 0, 0, 0, 0};
  CHECK(std::memcmp(c.layers, layers, sizeof layers) == 0);
  CHECK(c.likelihood == VAE_BERNOULLI);
  CHECK(c.sum_gradient == 1);
  CHECK(c.kl_weight == 1.0);
  CHECK(c.learning_rate == 1e-3);
  CHECK(c.beta1 == 0.9);
  CHECK(c.beta2 == 0.999);
  CHECK(c.epsilon == 1e-8);
  CHECK(c.weight_decay == 0.0);
  CHECK(c.clip_norm == 0.0);
  CHECK(c.max_batch == 64);
  CHECK(c.samples == 1);
  CHECK(c.device == VAE_AUTO);
  CHECK(c.precision == VAE_FP32);
  CHECK(c.engine == VAE_ENGINE_AUTO);
  CHECK(c.nonfinite == VAE_NONFINITE_ERROR);
  CHECK(c.graph == VAE_GRAPH_AUTO);
  CHECK(c.graph_steps == 0);
  good(vae_config_validate(&c));
  const vae_sampling s = vae_draw(64, 0);
  CHECK(s.temperature == 1.0);
  const vae_run r = vae_default_run();
  CHECK(r.every_steps == 10);
  CHECK(!r.progress);
}

TEST_CASE("a host of another interface version gets an error") {
  vae_config config = small_config();
  for (const std::uint32_t foreign : {0u, VAE_ABI_VERSION + 1u, 77u}) {
    vae_config untouched = small_config();
    refused(vae_config_init(&untouched, sizeof untouched, foreign),
            VAE_E_VERSION, {"abi_version", std::to_string(foreign)});
    CHECK(std::memcmp(&untouched, &config, sizeof config) == 0);
    vae_config other = config;
    other.abi_version = foreign;
    vae_trainer* trainer = nullptr;
    refused(vae_create(&other, &trainer), VAE_E_VERSION,
            {std::to_string(foreign)});
    CHECK(trainer == nullptr);
    refused(vae_config_validate(&other), VAE_E_VERSION);
    refused(vae_config_from_json(&other, "{}"), VAE_E_VERSION);
  }
  CHECK(vae_abi_version() == VAE_ABI_VERSION);
}

TEST_CASE("a zeroed struct is an error, not a default") {
  const vae_config zero{};
  vae_trainer* trainer = nullptr;
  refused(vae_create(&zero, &trainer), VAE_E_ARGUMENT, {"struct_size"});
  vae_config almost{};
  almost.struct_size = sizeof almost;
  almost.abi_version = VAE_ABI_VERSION;
  refused(vae_create(&almost, &trainer), VAE_E_ARGUMENT, {"model is 0"});
}

TEST_CASE("sizes of a configuration") {
  sizes_are_checked(small_config(), 168, [](vae_config* config) {
    return vae_config_validate(config);
  });
  const Trainer trainer = make_trainer();
  sizes_are_checked(small_config(), 168, [&](vae_config* config) {
    return vae_get_config(trainer.get(), config);
  });
}

TEST_CASE("sizes of a trainer's arguments") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(4);
  const vae_batch images = view(pixels);
  sizes_are_checked(images, 40, [&](vae_batch* batch) {
    return vae_train_step(trainer.get(), batch, nullptr);
  });
  std::vector<float> codes(4 * kLatent);
  const vae_output mean = vae_output_f32(codes.data(), codes.size());
  sizes_are_checked(mean, 40, [&](vae_output* output) {
    const vae_status status =
        vae_encode(trainer.get(), &images, output, nullptr);
    if (status == VAE_OK) CHECK(output->written == codes.size() * 4);
    return status;
  });
  sizes_are_checked(vae_no_metrics(), 88, [&](vae_metrics* metrics) {
    const vae_status status = vae_eval_step(trainer.get(), &images, metrics);
    if (status == VAE_OK) CHECK(metrics->images == 4);
    return status;
  });
  std::vector<std::uint8_t> drawn(2 * kPixels);
  sizes_are_checked(vae_draw(2, 1), 40, [&](vae_sampling* sampling) {
    vae_output output = vae_output_u8(drawn.data(), drawn.size());
    return vae_sample(trainer.get(), sampling, &output);
  });
  const Dataset dataset = make_dataset(8);
  sizes_are_checked(vae_default_run(), 24, [&](vae_run* run) {
    return vae_evaluate(trainer.get(), dataset.get(), run, nullptr);
  });
}

TEST_CASE("sizes of vae_param") {
  const Trainer trainer = make_trainer();
  vae_param param;
  good(vae_param_init(&param, sizeof param));
  sizes_are_checked(param, 152, [&](vae_param* given) {
    return vae_param_info(trainer.get(), 0, given);
  });
}
