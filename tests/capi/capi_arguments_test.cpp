// Wrong batches, outputs, counts, keys and numbers: errors name them, and the
// trainer is unchanged.
#include <cmath>
#include <functional>
#include <limits>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

using Use = std::function<vae_status(vae_trainer*, const vae_batch*)>;

/// Every function that takes images.
std::vector<Use> uses_of_images() {
  static std::vector<float> floats(1024 * kPixels);
  return {
      [](auto* t, auto* b) { return vae_train_step(t, b, nullptr); },
      [](auto* t, auto* b) {
        vae_metrics metrics = vae_no_metrics();
        return vae_eval_step(t, b, &metrics);
      },
      [](auto* t, auto* b) {
        vae_output output = vae_output_f32(floats.data(), floats.size());
        return vae_encode(t, b, &output, nullptr);
      },
      [](auto* t, auto* b) {
        vae_output output = vae_output_f32(floats.data(), floats.size());
        return vae_reconstruct(t, b, &output);
      },
      [](auto* t, auto* b) {
        vae_output output = vae_output_f32(floats.data(), floats.size());
        return vae_score(t, b, &output, nullptr);
      },
  };
}

void images_are_refused(vae_trainer* trainer, const vae_batch& batch,
                        vae_status expected,
                        std::initializer_list<std::string> parts) {
  const auto before = saved(trainer);
  for (const Use& use : uses_of_images())
    refused(use(trainer, &batch), expected, parts);
  CHECK(saved(trainer) == before);
}

}  // namespace

TEST_CASE("unknown choices in batches and outputs") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  for (const std::int32_t value : {0, VAE_INT64, -5, 99}) {
    vae_batch batch = view(pixels);
    batch.dtype = value;
    images_are_refused(
        trainer.get(), batch, VAE_E_ARGUMENT,
        {"dtype is " + std::to_string(value), "VAE_UINT8", "VAE_FLOAT32"});
  }
  for (const std::int32_t value : {0, 3, -5}) {
    vae_batch batch = view(pixels);
    batch.layout = value;
    images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT,
                       {"layout is " + std::to_string(value), "VAE_HWC"});
    batch = view(pixels);
    batch.device = value;
    images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT,
                       {"device is " + std::to_string(value), "VAE_CUDA"});
  }
  std::vector<float> floats(2 * kPixels);
  const vae_sampling sampling = vae_draw(2, 1);
  for (std::int32_t vae_output::*field :
       {&vae_output::dtype, &vae_output::layout, &vae_output::device}) {
    vae_output output = vae_output_f32(floats.data(), floats.size());
    output.*field = 0;
    refused(vae_sample(trainer.get(), &sampling, &output), VAE_E_ARGUMENT,
            {" is 0; allowed are 1"});
  }
}

TEST_CASE("GPU memory is refused by a trainer on the CPU") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  vae_batch batch = view(pixels);
  batch.device = VAE_CUDA;
  images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT, {"CPU"});
}

TEST_CASE("missing data, counts and bytes") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  vae_batch batch = view(pixels);
  batch.data = nullptr;
  images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT, {"data is NULL"});
  batch = view(pixels);
  batch.count = 0;
  images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT, {"count is 0"});
  batch = view(pixels);
  batch.bytes -= 1;
  images_are_refused(trainer.get(), batch, VAE_E_TOO_SMALL,
                     {std::to_string(2 * kPixels)});
  for (const std::uint64_t many :
       {~std::uint64_t{0}, std::uint64_t{1} << 61, std::uint64_t{1} << 40}) {
    batch = view(pixels);
    batch.count = many;
    vae_metrics metrics = vae_no_metrics();
    CHECK(vae_train_step(trainer.get(), &batch, nullptr) != VAE_OK);
    CHECK(vae_eval_step(trainer.get(), &batch, &metrics) != VAE_OK);
  }
}

TEST_CASE("training takes max_batch images, inference any number") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(kMaxBatch + 1);
  const vae_batch batch = view(pixels);
  const auto before = saved(trainer.get());
  refused(vae_train_step(trainer.get(), &batch, nullptr), VAE_E_ARGUMENT,
          {"17", "16"});
  CHECK(saved(trainer.get()) == before);
  const auto uses = uses_of_images();
  for (std::size_t i = 1; i < uses.size(); ++i)
    good(uses[i](trainer.get(), &batch));
  vae_batch most = batch;
  most.count = kMaxBatch;
  good(vae_train_step(trainer.get(), &most, nullptr));
}

TEST_CASE("pixels out of range are named by their index") {
  const Trainer trainer = make_trainer();
  std::vector<float> pixels(3 * kPixels, 0.5f);
  const vae_batch batch = vae_view_f32(pixels.data(), 3, kPixels);
  const float inf = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), inf, -inf, 1.5f, -0.001f}) {
    pixels[2 * kPixels + 35] = bad;
    images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT,
                       {"35", "row 2", "0 to 1"});
  }
  pixels[2 * kPixels + 35] = 1.0f;
  good(vae_train_step(trainer.get(), &batch, nullptr));
}

TEST_CASE("Gaussian pixels may be any finite number") {
  const Trainer trainer = make_trainer(gaussian_config());
  std::vector<float> pixels(2 * kPixels, -3.5f);
  const vae_batch batch = vae_view_f32(pixels.data(), 2, kPixels);
  good(vae_train_step(trainer.get(), &batch, nullptr));
  pixels[7] = std::nanf("");
  images_are_refused(trainer.get(), batch, VAE_E_ARGUMENT, {"7", "row 0"});
}

TEST_CASE("codes are finite floats") {
  const Trainer trainer = make_trainer();
  std::vector<float> codes(2 * kLatent, 0.0f), floats(2 * kPixels);
  const vae_batch batch = vae_view_f32(codes.data(), 2, kLatent);
  vae_output output = vae_output_f32(floats.data(), floats.size());
  good(vae_decode(trainer.get(), &batch, &output));
  codes[6] = std::nanf("");
  refused(vae_decode(trainer.get(), &batch, &output), VAE_E_ARGUMENT,
          {"2", "row 1"});
  const std::vector<std::uint8_t> bytes(2 * kLatent);
  const vae_batch wrong = vae_view_u8(bytes.data(), 2, kLatent);
  refused(vae_decode(trainer.get(), &wrong, &output), VAE_E_ARGUMENT,
          {"float32"});
}

TEST_CASE("codes are floats only") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  const vae_batch images = view(pixels);
  std::vector<std::uint8_t> bytes(1024);
  vae_output output = vae_output_u8(bytes.data(), bytes.size());
  refused(vae_encode(trainer.get(), &images, &output, nullptr), VAE_E_ARGUMENT,
          {"float32"});
  refused(vae_score(trainer.get(), &images, &output, nullptr), VAE_E_ARGUMENT,
          {"float32"});
}

TEST_CASE("reserved fields are unsupported, by name") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  const std::int32_t labels[2] = {0, 1};
  const float condition[2] = {0, 1};
  vae_batch batch = view(pixels);
  batch.labels = labels;
  images_are_refused(trainer.get(), batch, VAE_E_UNSUPPORTED, {"labels"});
  batch = view(pixels);
  batch.condition = condition;
  images_are_refused(trainer.get(), batch, VAE_E_UNSUPPORTED, {"condition"});

  std::vector<float> floats(2 * kPixels);
  vae_output output = vae_output_f32(floats.data(), floats.size());
  vae_sampling sampling = vae_draw(2, 1);
  sampling.labels = labels;
  refused(vae_sample(trainer.get(), &sampling, &output), VAE_E_UNSUPPORTED,
          {"sampling.labels"});
  sampling = vae_draw(2, 1);
  sampling.condition = condition;
  refused(vae_sample(trainer.get(), &sampling, &output), VAE_E_UNSUPPORTED,
          {"sampling.condition"});
  sampling = vae_draw(2, 1);
  sampling.reserved = 1;
  refused(vae_sample(trainer.get(), &sampling, &output), VAE_E_ARGUMENT,
          {"reserved"});
  refused(vae_set(trainer.get(), VAE_PHASE, 1), VAE_E_UNSUPPORTED,
          {"VAE_PHASE"});
  double value = 0;
  refused(vae_get(trainer.get(), VAE_PHASE, &value), VAE_E_UNSUPPORTED,
          {"VAE_PHASE"});
}

TEST_CASE("samplings out of range") {
  const Trainer trainer = make_trainer();
  std::vector<float> floats(2 * kPixels);
  vae_output output = vae_output_f32(floats.data(), floats.size());
  vae_sampling sampling = vae_draw(0, 1);
  refused(vae_sample(trainer.get(), &sampling, &output), VAE_E_ARGUMENT,
          {"count"});
  for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    sampling = vae_draw(2, 1);
    sampling.temperature = bad;
    refused(vae_sample(trainer.get(), &sampling, &output), VAE_E_ARGUMENT,
            {"temperature"});
  }
}

TEST_CASE("keys and their values") {
  const Trainer trainer = make_trainer();
  double value = 0;
  for (const std::int32_t key : {0, -1, 7, 1000}) {
    refused(
        vae_set(trainer.get(), key, 1), VAE_E_ARGUMENT,
        {"key is " + std::to_string(key), "VAE_LEARNING_RATE", "VAE_EPOCH"});
    refused(vae_get(trainer.get(), key, &value), VAE_E_ARGUMENT);
  }
  for (std::int32_t key = VAE_LEARNING_RATE; key <= VAE_EPOCH; ++key) {
    CAPTURE(key);
    const double before = get(trainer.get(), key);
    for (const double bad : {-1.0, std::nan(""), HUGE_VAL})
      refused(vae_set(trainer.get(), key, bad), VAE_E_ARGUMENT);
    if (key >= VAE_STEP)
      refused(vae_set(trainer.get(), key, 1.5), VAE_E_ARGUMENT, {"1.5"});
    CHECK(get(trainer.get(), key) == before);
    good(vae_set(trainer.get(), key, 3));
    CHECK(get(trainer.get(), key) == 3);
  }
}

TEST_CASE("what to save, read or cancel") {
  const Trainer trainer = make_trainer();
  std::uint64_t needed = 0;
  for (const std::int32_t what : {0, 3, -1}) {
    refused(vae_save_memory(trainer.get(), what, nullptr, 0, &needed),
            VAE_E_ARGUMENT,
            {"what is " + std::to_string(what), "VAE_SAVE_CHECKPOINT"});
    refused(vae_save(trainer.get(), "capi_never.safetensors", what),
            VAE_E_ARGUMENT, {"what"});
  }
  float bias[kLatent];
  for (const std::int32_t what : {0, 5, -1}) {
    refused(vae_param_read(trainer.get(), "fc11.bias", what, bias, sizeof bias),
            VAE_E_ARGUMENT, {"what is", "VAE_MOMENT2"});
    refused(
        vae_param_write(trainer.get(), "fc11.bias", what, bias, sizeof bias),
        VAE_E_ARGUMENT, {"what is", "VAE_VALUE"});
  }
  for (const std::int32_t on : {2, -1})
    refused(vae_cancel(trainer.get(), on), VAE_E_ARGUMENT, {"on is"});
  refused(
      vae_set_log_callback([](std::int32_t, const char*, void*) {}, nullptr, 0),
      VAE_E_ARGUMENT, {"min_level is 0", "VAE_LOG_DETAIL"});
}

TEST_CASE("errors for missing devices give the reason") {
  vae_config config = small_config();
  config.device = VAE_CUDA;
  config.device_index = 1000;
  vae_trainer* trainer = nullptr;
  const vae_status status = vae_create(&config, &trainer);
  CHECK((status == VAE_E_DEVICE || status == VAE_E_UNSUPPORTED));
  CHECK(std::string(vae_last_error()).size() > 10);
  CHECK(trainer == nullptr);
}
