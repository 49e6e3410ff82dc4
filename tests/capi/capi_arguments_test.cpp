// What callers get wrong when they pass pointers, buffers, counts and numbers:
// refused by name, nothing written, the trainer as it was.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

constexpr std::uint32_t kShape[3] = {1, kSide, kSide};

/// Valid arguments for every function, to be spoiled one at a time.
struct Arguments {
  Trainer trainer = make_trainer();
  Dataset dataset = make_dataset(4);
  std::vector<std::uint8_t> pixels = pictures(4);
  std::vector<float> codes = std::vector<float>(4 * kLatent, 0.5f);
  std::vector<float> floats = std::vector<float>(4 * kPixels);
  vae_config config = small_config();
  vae_batch images = view(pixels);
  vae_batch latent = vae_view_f32(codes.data(), 4, kLatent);
  vae_output room = vae_room_f32(floats.data(), floats.size());
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
      NULL_CASE(vae_config_from_json, "config", nullptr, "{}"),
      NULL_CASE(vae_config_from_json, "json", &a.config, nullptr),
      NULL_CASE(vae_config_to_json, "config", nullptr, a.text, 64, &a.needed),
      NULL_CASE(vae_config_to_json, "buffer", &a.config, nullptr, 0, nullptr),
      NULL_CASE(vae_config_to_json, "buffer", &a.config, nullptr, 9, &a.needed),
      NULL_CASE(vae_config_from_file, "config", nullptr, "x"),
      NULL_CASE(vae_config_from_file, "path", &a.config, nullptr),
      NULL_CASE(vae_build_info, "buffer", nullptr, 0, nullptr),
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
      NULL_CASE(vae_encode, "trainer", nullptr, &a.images, &a.room, nullptr),
      NULL_CASE(vae_encode, "images", a.trainer.get(), nullptr, &a.room,
                nullptr),
      NULL_CASE(vae_encode, "mean and logvar", a.trainer.get(), &a.images,
                nullptr, nullptr),
      NULL_CASE(vae_decode, "trainer", nullptr, &a.latent, &a.room),
      NULL_CASE(vae_decode, "codes", a.trainer.get(), nullptr, &a.room),
      NULL_CASE(vae_decode, "images", a.trainer.get(), &a.latent, nullptr),
      NULL_CASE(vae_sample, "trainer", nullptr, &a.sampling, &a.room),
      NULL_CASE(vae_sample, "sampling", a.trainer.get(), nullptr, &a.room),
      NULL_CASE(vae_sample, "images", a.trainer.get(), &a.sampling, nullptr),
      NULL_CASE(vae_reconstruct, "trainer", nullptr, &a.images, &a.room),
      NULL_CASE(vae_reconstruct, "images", a.trainer.get(), nullptr, &a.room),
      NULL_CASE(vae_reconstruct, "output", a.trainer.get(), &a.images, nullptr),
      NULL_CASE(vae_score, "trainer", nullptr, &a.images, &a.room, nullptr),
      NULL_CASE(vae_score, "batch", a.trainer.get(), nullptr, &a.room, nullptr),
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
      NULL_CASE(vae_dataset_read, "dataset", nullptr, 0, 1, &a.room, nullptr,
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

using Call = std::function<vae_status(vae_output&)>;

/// `call` fits into exactly `bytes` bytes and writes none where it does not.
void fits_exactly(std::uint64_t bytes, const vae_output& like,
                  const Call& call) {
  std::vector<std::uint8_t> memory(bytes + 16, 0xAB);
  vae_output room = like;
  room.data = memory.data();
  for (const std::uint64_t small : {bytes - 1, bytes / 2, std::uint64_t{0}}) {
    room.bytes = small;
    room.written = 77;
    refused(call(room), VAE_E_TOO_SMALL, {std::to_string(bytes)});
    CHECK(room.written == 77);
    CHECK(std::count(memory.begin(), memory.end(), 0xAB) ==
          static_cast<std::ptrdiff_t>(memory.size()));
  }
  room.bytes = bytes;
  good(call(room));
  CHECK(room.written == bytes);
  for (std::size_t i = bytes; i < memory.size(); ++i)
    REQUIRE(memory[i] == 0xAB);
}

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
        vae_output room = vae_room_f32(floats.data(), floats.size());
        return vae_encode(t, b, &room, nullptr);
      },
      [](auto* t, auto* b) {
        vae_output room = vae_room_f32(floats.data(), floats.size());
        return vae_reconstruct(t, b, &room);
      },
      [](auto* t, auto* b) {
        vae_output room = vae_room_f32(floats.data(), floats.size());
        return vae_score(t, b, &room, nullptr);
      },
  };
}

void images_are_refused(vae_trainer* trainer, const vae_batch& batch,
                        vae_status expected,
                        std::initializer_list<std::string> words) {
  const auto before = saved(trainer);
  for (const Use& use : uses_of_images())
    refused(use(trainer, &batch), expected, words);
  CHECK(saved(trainer) == before);
}

}  // namespace

TEST_CASE("NULL is refused by the parameter's name: configuration") {
  all_refuse_null(null_config_cases());
}

TEST_CASE("NULL is refused by the parameter's name: lifetime, parameters") {
  all_refuse_null(null_lifetime_cases());
}

TEST_CASE("NULL is refused by the parameter's name: steps, inference") {
  all_refuse_null(null_step_cases());
}

TEST_CASE("NULL is refused by the parameter's name: datasets, pictures") {
  all_refuse_null(null_dataset_cases());
}

TEST_CASE("destroying NULL is nothing") {
  vae_destroy(nullptr);
  vae_dataset_destroy(nullptr);
}

TEST_CASE("rooms for results are never overrun") {
  const Trainer trainer = make_trainer();
  vae_trainer* const t = trainer.get();
  const auto pixels = pictures(3);
  const vae_batch images = view(pixels);
  const std::vector<float> numbers(3 * kLatent, 0.25f);
  const vae_batch codes = vae_view_f32(numbers.data(), 3, kLatent);
  const vae_sampling sampling = vae_draw(3, 1);
  const vae_output as_float = vae_room_f32(nullptr, 0);
  const vae_output as_byte = vae_room_u8(nullptr, 0);
  fits_exactly(3 * kLatent * 4, as_float, [&](vae_output& room) {
    return vae_encode(t, &images, &room, nullptr);
  });
  fits_exactly(3 * kLatent * 4, as_float, [&](vae_output& room) {
    return vae_encode(t, &images, nullptr, &room);
  });
  fits_exactly(3 * 4, as_float, [&](vae_output& room) {
    return vae_score(t, &images, &room, nullptr);
  });
  fits_exactly(3 * 4, as_float, [&](vae_output& room) {
    return vae_score(t, &images, nullptr, &room);
  });
  for (const vae_output& like : {as_float, as_byte}) {
    const std::uint64_t size = like.dtype == VAE_UINT8 ? 1 : 4;
    fits_exactly(3 * kPixels * size, like, [&](vae_output& room) {
      return vae_decode(t, &codes, &room);
    });
    fits_exactly(3 * kPixels * size, like, [&](vae_output& room) {
      return vae_sample(t, &sampling, &room);
    });
    fits_exactly(3 * kPixels * size, like, [&](vae_output& room) {
      return vae_reconstruct(t, &images, &room);
    });
    const Dataset dataset = make_dataset(5);
    fits_exactly(3 * kPixels * size, like, [&](vae_output& room) {
      return vae_dataset_read(dataset.get(), 1, 3, &room, nullptr, 0);
    });
  }
}

TEST_CASE("the second of two rooms is checked before the first is written") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(3);
  const vae_batch images = view(pixels);
  std::array<float, 3 * kLatent> first, second;
  first.fill(-7.0f);
  vae_output mean = vae_room_f32(first.data(), first.size());
  vae_output logvar = vae_room_f32(second.data(), second.size() - 1);
  refused(vae_encode(trainer.get(), &images, &mean, &logvar), VAE_E_TOO_SMALL);
  vae_output losses = vae_room_f32(first.data(), first.size());
  vae_output kls = vae_room_f32(second.data(), 2);
  refused(vae_score(trainer.get(), &images, &losses, &kls), VAE_E_TOO_SMALL);
  for (const float value : first) CHECK(value == -7.0f);
}

TEST_CASE("KL per dimension has room or nothing happens") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(8);
  const vae_batch images = view(pixels);
  const auto before = saved(trainer.get());
  std::array<double, kLatent + 1> kl;
  kl.fill(-1.0);
  vae_metrics metrics = vae_no_metrics();
  metrics.kl_per_dim = kl.data();
  metrics.kl_bytes = kLatent * 8 - 1;
  refused(vae_train_step(trainer.get(), &images, &metrics), VAE_E_TOO_SMALL,
          {"31", "32"});
  refused(vae_eval_step(trainer.get(), &images, &metrics), VAE_E_TOO_SMALL);
  refused(vae_read_metrics(trainer.get(), &metrics), VAE_E_TOO_SMALL);
  const Dataset dataset = make_dataset(8);
  refused(vae_train_epoch(trainer.get(), dataset.get(), nullptr, &metrics),
          VAE_E_TOO_SMALL);
  CHECK(saved(trainer.get()) == before);
  for (const double value : kl) CHECK(value == -1.0);

  metrics.kl_bytes = sizeof kl;
  good(vae_train_step(trainer.get(), &images, &metrics));
  double sum = 0;
  for (std::uint32_t i = 0; i < kLatent; ++i) sum += kl[i];
  CHECK(sum == doctest::Approx(metrics.kl).epsilon(1e-6));
  CHECK(metrics.kl > 0);
  CHECK(kl[kLatent] == -1.0);
}

TEST_CASE("texts are measured, then written") {
  std::uint64_t needed = 0;
  good(vae_build_info(nullptr, 0, &needed));
  REQUIRE(needed > 2);
  std::string text(needed + 4, '#');
  std::uint64_t again = 0;
  refused(vae_build_info(text.data(), needed - 1, &again), VAE_E_TOO_SMALL,
          {std::to_string(needed)});
  CHECK(again == needed);
  CHECK(text == std::string(needed + 4, '#'));
  good(vae_build_info(text.data(), needed, nullptr));
  CHECK(text[needed - 1] == '\0');
  CHECK(text.substr(needed) == "####");
  CHECK(text.front() == '{');

  const Trainer trainer = make_trainer();
  good(vae_diagnose(trainer.get(), nullptr, 0, &needed));
  text.assign(needed, '#');
  good(vae_diagnose(trainer.get(), text.data(), needed, &again));
  CHECK(again == needed);
  CHECK(text.front() == '{');
  good(vae_diagnose(nullptr, nullptr, 0, &needed));
  CHECK(needed > 2);
}

TEST_CASE("a file in memory is measured, then written") {
  const Trainer trainer = make_trainer();
  std::uint64_t needed = 0;
  good(vae_save_memory(trainer.get(), VAE_SAVE_MODEL, nullptr, 0, &needed));
  std::vector<std::uint8_t> bytes(needed, 0xAB);
  refused(vae_save_memory(trainer.get(), VAE_SAVE_MODEL, bytes.data(),
                          needed - 1, nullptr),
          VAE_E_TOO_SMALL, {std::to_string(needed)});
  CHECK(bytes == std::vector<std::uint8_t>(needed, 0xAB));
}

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
    vae_output room = vae_room_f32(floats.data(), floats.size());
    room.*field = 0;
    refused(vae_sample(trainer.get(), &sampling, &room), VAE_E_ARGUMENT,
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

TEST_CASE("pixels that are no pixels are named by their index") {
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
  vae_output room = vae_room_f32(floats.data(), floats.size());
  good(vae_decode(trainer.get(), &batch, &room));
  codes[6] = std::nanf("");
  refused(vae_decode(trainer.get(), &batch, &room), VAE_E_ARGUMENT,
          {"2", "row 1"});
  const std::vector<std::uint8_t> bytes(2 * kLatent);
  const vae_batch wrong = vae_view_u8(bytes.data(), 2, kLatent);
  refused(vae_decode(trainer.get(), &wrong, &room), VAE_E_ARGUMENT,
          {"float32"});
}

TEST_CASE("codes come as floats only") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(2);
  const vae_batch images = view(pixels);
  std::vector<std::uint8_t> bytes(1024);
  vae_output room = vae_room_u8(bytes.data(), bytes.size());
  refused(vae_encode(trainer.get(), &images, &room, nullptr), VAE_E_ARGUMENT,
          {"float32"});
  refused(vae_score(trainer.get(), &images, &room, nullptr), VAE_E_ARGUMENT,
          {"float32"});
}

TEST_CASE("what is reserved for later is unsupported now, by name") {
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
  vae_output room = vae_room_f32(floats.data(), floats.size());
  vae_sampling sampling = vae_draw(2, 1);
  sampling.labels = labels;
  refused(vae_sample(trainer.get(), &sampling, &room), VAE_E_UNSUPPORTED,
          {"sampling.labels"});
  sampling = vae_draw(2, 1);
  sampling.condition = condition;
  refused(vae_sample(trainer.get(), &sampling, &room), VAE_E_UNSUPPORTED,
          {"sampling.condition"});
  sampling = vae_draw(2, 1);
  sampling.reserved = 1;
  refused(vae_sample(trainer.get(), &sampling, &room), VAE_E_ARGUMENT,
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
  vae_output room = vae_room_f32(floats.data(), floats.size());
  vae_sampling sampling = vae_draw(0, 1);
  refused(vae_sample(trainer.get(), &sampling, &room), VAE_E_ARGUMENT,
          {"count"});
  for (const double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    sampling = vae_draw(2, 1);
    sampling.temperature = bad;
    refused(vae_sample(trainer.get(), &sampling, &room), VAE_E_ARGUMENT,
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

TEST_CASE("devices that are not there say why") {
  vae_config config = small_config();
  config.device = VAE_CUDA;
  config.device_index = 1000;
  vae_trainer* trainer = nullptr;
  const vae_status status = vae_create(&config, &trainer);
  CHECK((status == VAE_E_DEVICE || status == VAE_E_UNSUPPORTED));
  CHECK(std::string(vae_last_error()).size() > 10);
  CHECK(trainer == nullptr);
}

TEST_CASE("parts of a dataset") {
  const Dataset dataset = make_dataset(5);
  std::uint64_t count = 0;
  std::uint32_t shape[3] = {}, classes = 0;
  good(vae_dataset_info(dataset.get(), &count, shape, &classes));
  CHECK(count == 5);
  CHECK(shape[0] == 1);
  CHECK(shape[1] == kSide);
  CHECK(shape[2] == kSide);
  CHECK(classes == 3);
  good(vae_dataset_info(dataset.get(), nullptr, nullptr, nullptr));

  std::int32_t labels[6] = {-9, -9, -9, -9, -9, -9};
  std::vector<std::uint8_t> pixels(5 * kPixels);
  vae_output room = vae_room_u8(pixels.data(), pixels.size());
  good(vae_dataset_read(dataset.get(), 1, 4, &room, labels, 16));
  CHECK(labels[0] == 1);
  CHECK(labels[3] == 1);
  CHECK(labels[4] == -9);
  const auto all = pictures(5, 99);
  CHECK(std::equal(all.begin() + kPixels, all.end(), pixels.begin()));
  refused(vae_dataset_read(dataset.get(), 1, 4, nullptr, labels, 15),
          VAE_E_TOO_SMALL, {"15", "16"});
  const std::uint64_t last = ~std::uint64_t{0};
  const std::uint64_t parts[][2] = {{0, 0},    {0, 6},    {5, 1},
                                    {4, last}, {last, 1}, {last, last}};
  for (const auto& part : parts)
    refused(
        vae_dataset_read(dataset.get(), part[0], part[1], &room, labels, last),
        VAE_E_ARGUMENT, {std::to_string(part[0]), "0 to 4"});
}

TEST_CASE("datasets from memory are checked") {
  const auto pixels = pictures(4);
  vae_batch all = view(pixels);
  vae_dataset* dataset = nullptr;
  good(vae_dataset_from_memory(&all, kShape, &dataset));
  std::int32_t labels[4] = {0, 1, -1, 2};
  vae_output none = vae_room_u8(nullptr, 0);
  refused(vae_dataset_read(dataset, 0, 4, nullptr, labels, 16), VAE_E_ARGUMENT,
          {"labels"});
  refused(vae_dataset_read(dataset, 0, 4, &none, nullptr, 0), VAE_E_ARGUMENT,
          {"data is NULL"});
  vae_dataset_destroy(dataset);
  all.labels = labels;
  refused(vae_dataset_from_memory(&all, kShape, &dataset), VAE_E_ARGUMENT,
          {"-1"});
  CHECK(dataset == nullptr);
  all = view(pixels);
  const std::uint32_t wide[3] = {1, kSide, kSide + 1};
  CHECK(vae_dataset_from_memory(&all, wide, &dataset) != VAE_OK);
  const std::uint32_t flat[3] = {1, 0, kSide};
  refused(vae_dataset_from_memory(&all, flat, &dataset), VAE_E_ARGUMENT);
  CHECK(vae_dataset_open("no/such/folder", nullptr, &dataset) == VAE_E_FILE);
  CHECK(dataset == nullptr);
}

TEST_CASE("a dataset must have the model's shape and its range of values") {
  const Trainer trainer = make_trainer();
  const std::vector<float> wide(2 * kPixels, 2.0f);
  const vae_batch all = vae_view_f32(wide.data(), 2, kPixels);
  const auto before = saved(trainer.get());
  for (const auto& shape :
       {std::array<std::uint32_t, 3>{1, kSide, kSide},
        std::array<std::uint32_t, 3>{1, kSide / 2, kSide * 2}}) {
    vae_dataset* made = nullptr;
    good(vae_dataset_from_memory(&all, shape.data(), &made));
    const Dataset dataset(made);
    refused(vae_train_epoch(trainer.get(), made, nullptr, nullptr),
            VAE_E_ARGUMENT);
    refused(vae_evaluate(trainer.get(), made, nullptr, nullptr),
            VAE_E_ARGUMENT);
  }
  const Dataset dataset = make_dataset(8);
  vae_run run = vae_default_run();
  run.batch_size = kMaxBatch + 1;
  refused(vae_train_epoch(trainer.get(), dataset.get(), &run, nullptr),
          VAE_E_ARGUMENT, {"17", "16"});
  CHECK(saved(trainer.get()) == before);
}
