// NULL for every pointer that must not be NULL, in every function: an error
// that names the parameter, and the trainer is unchanged.
#include <functional>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

constexpr std::uint32_t kShape[3] = {1, kSide, kSide};

/// Valid arguments for every function; tests replace one at a time.
struct Arguments {
  Trainer trainer = make_trainer();
  Dataset dataset = make_dataset(4);
  std::vector<std::uint8_t> pixels = pictures(4);
  std::vector<float> codes = std::vector<float>(4 * kLatent, 0.5f);
  std::vector<float> floats = std::vector<float>(4 * kPixels);
  vae_config config = small_config();
  vae_batch images = view(pixels);
  vae_batch latent = vae_view_f32(codes.data(), 4, kLatent);
  vae_output output = vae_output_f32(floats.data(), floats.size());
  vae_metrics metrics = vae_no_metrics();
  vae_sampling sampling = vae_draw(2, 1);
  vae_trainer* new_trainer = nullptr;
  vae_dataset* new_dataset = nullptr;
  char text[64] = "";
  std::uint64_t needed = 0;
  std::uint32_t count = 0;
  double value = 0;
};

struct NullCase {
  const char* function;
  const char* parameter;
  std::function<vae_status(Arguments&)> call;
};

#define NULL_CASE(function, parameter, ...) \
  NullCase {                                \
#function, parameter, [](Arguments& a) { \
    (void)a; return function(__VA_ARGS__); }  \
  }

std::vector<NullCase> null_config_cases() {
  return {
      NULL_CASE(vae_config_init, "config", nullptr, 192, VAE_ABI_VERSION),
      NULL_CASE(vae_batch_init, "batch", nullptr, 64),
      NULL_CASE(vae_output_init, "output", nullptr, 48),
      NULL_CASE(vae_metrics_init, "metrics", nullptr, 104),
      NULL_CASE(vae_run_init, "run", nullptr, 40),
      NULL_CASE(vae_sampling_init, "sampling", nullptr, 56),
      NULL_CASE(vae_param_init, "param", nullptr, 152),
      NULL_CASE(vae_config_validate, "config", nullptr),
      NULL_CASE(vae_config_memory, "config", nullptr, &a.needed, &a.needed),
      NULL_CASE(vae_config_memory, "host_bytes", &a.config, nullptr, nullptr),
      NULL_CASE(vae_config_from_json, "config", nullptr, "{}"),
      NULL_CASE(vae_config_from_json, "json", &a.config, nullptr),
      NULL_CASE(vae_config_to_json, "config", nullptr, a.text, 64, &a.needed),
      NULL_CASE(vae_config_to_json, "buffer", &a.config, nullptr, 0, nullptr),
      NULL_CASE(vae_config_to_json, "buffer", &a.config, nullptr, 9, &a.needed),
      NULL_CASE(vae_config_from_file, "config", nullptr, "x"),
      NULL_CASE(vae_config_from_file, "path", &a.config, nullptr),
      NULL_CASE(vae_build_info, "buffer", nullptr, 0, nullptr),
      NULL_CASE(vae_layout, "buffer", nullptr, 0, nullptr),
      NULL_CASE(vae_diagnose, "buffer", nullptr, nullptr, 0, nullptr),
  };
}

std::vector<NullCase> null_lifetime_cases() {
  return {
      NULL_CASE(vae_create, "config", nullptr, &a.new_trainer),
      NULL_CASE(vae_create, "trainer", &a.config, nullptr),
      NULL_CASE(vae_load, "path", nullptr, nullptr, &a.new_trainer),
      NULL_CASE(vae_load, "trainer", "x", nullptr, nullptr),
      NULL_CASE(vae_load_memory, "data", nullptr, 8, nullptr, &a.new_trainer),
      NULL_CASE(vae_load_memory, "trainer", a.text, 8, nullptr, nullptr),
      NULL_CASE(vae_save, "trainer", nullptr, "x", VAE_SAVE_MODEL),
      NULL_CASE(vae_save, "path", a.trainer.get(), nullptr, VAE_SAVE_MODEL),
      NULL_CASE(vae_save_memory, "trainer", nullptr, VAE_SAVE_MODEL, a.text, 64,
                &a.needed),
      NULL_CASE(vae_save_memory, "buffer", a.trainer.get(), VAE_SAVE_MODEL,
                nullptr, 0, nullptr),
      NULL_CASE(vae_get_config, "trainer", nullptr, &a.config),
      NULL_CASE(vae_get_config, "config", a.trainer.get(), nullptr),
      NULL_CASE(vae_set, "trainer", nullptr, VAE_STEP, 1),
      NULL_CASE(vae_get, "trainer", nullptr, VAE_STEP, &a.value),
      NULL_CASE(vae_get, "value", a.trainer.get(), VAE_STEP, nullptr),
      NULL_CASE(vae_synchronize, "trainer", nullptr),
      NULL_CASE(vae_cancel, "trainer", nullptr, 1),
      NULL_CASE(vae_param_count, "trainer", nullptr, &a.count),
      NULL_CASE(vae_param_count, "count", a.trainer.get(), nullptr),
      NULL_CASE(vae_param_info, "param", a.trainer.get(), 0, nullptr),
      NULL_CASE(vae_param_read, "trainer", nullptr, "fc11.bias", VAE_VALUE,
                a.text, 64),
      NULL_CASE(vae_param_read, "name", a.trainer.get(), nullptr, VAE_VALUE,
                a.text, 64),
      NULL_CASE(vae_param_read, "data", a.trainer.get(), "fc11.bias", VAE_VALUE,
                nullptr, 64),
      NULL_CASE(vae_param_write, "trainer", nullptr, "fc11.bias", VAE_VALUE,
                a.text, 16),
      NULL_CASE(vae_param_write, "name", a.trainer.get(), nullptr, VAE_VALUE,
                a.text, 16),
      NULL_CASE(vae_param_write, "data", a.trainer.get(), "fc11.bias",
                VAE_VALUE, nullptr, 16),
  };
}

std::vector<NullCase> null_step_cases() {
  return {
      NULL_CASE(vae_train_step, "trainer", nullptr, &a.images, nullptr),
      NULL_CASE(vae_train_step, "batch", a.trainer.get(), nullptr, nullptr),
      NULL_CASE(vae_eval_step, "trainer", nullptr, &a.images, &a.metrics),
      NULL_CASE(vae_eval_step, "batch", a.trainer.get(), nullptr, &a.metrics),
      NULL_CASE(vae_eval_step, "metrics", a.trainer.get(), &a.images, nullptr),
      NULL_CASE(vae_read_metrics, "trainer", nullptr, &a.metrics),
      NULL_CASE(vae_read_metrics, "metrics", a.trainer.get(), nullptr),
      NULL_CASE(vae_encode, "trainer", nullptr, &a.images, &a.output, nullptr),
      NULL_CASE(vae_encode, "images", a.trainer.get(), nullptr, &a.output,
                nullptr),
      NULL_CASE(vae_encode, "mean and logvar", a.trainer.get(), &a.images,
                nullptr, nullptr),
      NULL_CASE(vae_decode, "trainer", nullptr, &a.latent, &a.output),
      NULL_CASE(vae_decode, "codes", a.trainer.get(), nullptr, &a.output),
      NULL_CASE(vae_decode, "images", a.trainer.get(), &a.latent, nullptr),
      NULL_CASE(vae_sample, "trainer", nullptr, &a.sampling, &a.output),
      NULL_CASE(vae_sample, "sampling", a.trainer.get(), nullptr, &a.output),
      NULL_CASE(vae_sample, "images", a.trainer.get(), &a.sampling, nullptr),
      NULL_CASE(vae_reconstruct, "trainer", nullptr, &a.images, &a.output),
      NULL_CASE(vae_reconstruct, "images", a.trainer.get(), nullptr, &a.output),
      NULL_CASE(vae_reconstruct, "output", a.trainer.get(), &a.images, nullptr),
      NULL_CASE(vae_score, "trainer", nullptr, &a.images, &a.output, nullptr),
      NULL_CASE(vae_score, "batch", a.trainer.get(), nullptr, &a.output,
                nullptr),
      NULL_CASE(vae_score, "reconstruction and kl", a.trainer.get(), &a.images,
                nullptr, nullptr),
  };
}

std::vector<NullCase> null_dataset_cases() {
  return {
      NULL_CASE(vae_dataset_open, "path", nullptr, nullptr, &a.new_dataset),
      NULL_CASE(vae_dataset_open, "dataset", "x", nullptr, nullptr),
      NULL_CASE(vae_dataset_from_memory, "all", nullptr, kShape,
                &a.new_dataset),
      NULL_CASE(vae_dataset_from_memory, "shape_chw", &a.images, nullptr,
                &a.new_dataset),
      NULL_CASE(vae_dataset_from_memory, "dataset", &a.images, kShape, nullptr),
      NULL_CASE(vae_dataset_info, "dataset", nullptr, &a.needed, nullptr,
                nullptr),
      NULL_CASE(vae_dataset_read, "dataset", nullptr, 0, 1, &a.output, nullptr,
                0),
      NULL_CASE(vae_dataset_read, "images and labels", a.dataset.get(), 0, 1,
                nullptr, nullptr, 0),
      NULL_CASE(vae_train_epoch, "trainer", nullptr, a.dataset.get(), nullptr,
                nullptr),
      NULL_CASE(vae_train_epoch, "dataset", a.trainer.get(), nullptr, nullptr,
                nullptr),
      NULL_CASE(vae_evaluate, "trainer", nullptr, a.dataset.get(), nullptr,
                &a.metrics),
      NULL_CASE(vae_evaluate, "dataset", a.trainer.get(), nullptr, nullptr,
                &a.metrics),
      NULL_CASE(vae_write_grid, "path", nullptr, &a.images, kShape, 2),
      NULL_CASE(vae_write_grid, "images", "x.png", nullptr, kShape, 2),
      NULL_CASE(vae_write_grid, "shape_chw", "x.png", &a.images, nullptr, 2),
      NULL_CASE(vae_write_array, "path", nullptr, &a.count, 4, VAE_UINT8,
                &a.needed, 1),
      NULL_CASE(vae_write_array, "data", "x.npy", nullptr, 4, VAE_UINT8,
                &a.needed, 1),
      NULL_CASE(vae_write_array, "shape", "x.npy", &a.count, 4, VAE_UINT8,
                nullptr, 1),
  };
}

void all_refuse_null(const std::vector<NullCase>& cases) {
  Arguments arguments;
  const auto before = saved(arguments.trainer.get());
  for (const NullCase& test : cases) {
    CAPTURE(test.function);
    refused(test.call(arguments), VAE_E_ARGUMENT, {test.parameter, "NULL"});
  }
  CHECK(arguments.new_trainer == nullptr);
  CHECK(arguments.new_dataset == nullptr);
  CHECK(saved(arguments.trainer.get()) == before);
}

}  // namespace

TEST_CASE("errors for NULL name the parameter: configuration") {
  all_refuse_null(null_config_cases());
}

TEST_CASE("errors for NULL name the parameter: lifetime, parameters") {
  all_refuse_null(null_lifetime_cases());
}

TEST_CASE("errors for NULL name the parameter: steps, inference") {
  all_refuse_null(null_step_cases());
}

TEST_CASE("errors for NULL name the parameter: datasets, pictures") {
  all_refuse_null(null_dataset_cases());
}

TEST_CASE("destroying NULL does nothing") {
  vae_destroy(nullptr);
  vae_dataset_destroy(nullptr);
}
