// The same images in several shapes, layouts and element types give the same
// results; requests that exceed the memory are errors.
#include <cstdlib>
#include <thread>

#include "base/host_memory.hpp"
#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

constexpr std::uint32_t kChannels = 3, kHeight = 11, kWidth = 14;
constexpr std::uint64_t kRow = kChannels * kHeight * kWidth;
constexpr std::uint64_t kCount = 4;

/// Three channels, odd and not square.
vae_config color_config() {
  vae_config config = small_config();
  config.channels = kChannels;
  config.height = kHeight;
  config.width = kWidth;
  return config;
}

std::vector<std::uint8_t> colors() {
  std::vector<std::uint8_t> pixels(kCount * kRow);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
  return pixels;
}

template <class T>
std::vector<T> to_hwc(const std::vector<T>& chw) {
  std::vector<T> hwc(chw.size());
  for (std::uint64_t n = 0; n < kCount; ++n)
    for (std::uint64_t c = 0; c < kChannels; ++c)
      for (std::uint64_t p = 0; p < kHeight * kWidth; ++p)
        hwc[n * kRow + p * kChannels + c] =
            chw[n * kRow + c * kHeight * kWidth + p];
  return hwc;
}

std::vector<std::uint8_t> trained_on(const vae_batch& batch) {
  const Trainer trainer = make_trainer(color_config());
  for (int i = 0; i < 3; ++i)
    good(vae_train_step(trainer.get(), &batch, nullptr));
  return saved(trainer.get());
}

}  // namespace

TEST_CASE("layout and element type of a batch do not matter") {
  const auto chw = colors();
  const auto expected = trained_on(vae_view_u8(chw.data(), kCount, kRow));
  const auto hwc = to_hwc(chw);
  vae_batch batch = vae_view_u8(hwc.data(), kCount, kRow);
  batch.layout = VAE_HWC;
  CHECK(trained_on(batch) == expected);

  std::vector<float> floats(chw.size());
  for (std::size_t i = 0; i < chw.size(); ++i)
    floats[i] = static_cast<float>(chw[i]) / 255.0f;
  CHECK(trained_on(vae_view_f32(floats.data(), kCount, kRow)) == expected);
  const auto floats_hwc = to_hwc(floats);
  batch = vae_view_f32(floats_hwc.data(), kCount, kRow);
  batch.layout = VAE_HWC;
  CHECK(trained_on(batch) == expected);
}

TEST_CASE("layout and element type of results agree") {
  const Trainer trainer = make_trainer(color_config());
  const vae_sampling sampling = vae_draw(kCount, 9);
  std::vector<float> chw(kCount * kRow), hwc(kCount * kRow);
  std::vector<std::uint8_t> bytes(kCount * kRow);
  vae_output output = vae_output_f32(chw.data(), chw.size());
  good(vae_sample(trainer.get(), &sampling, &output));
  output = vae_output_f32(hwc.data(), hwc.size());
  output.layout = VAE_HWC;
  good(vae_sample(trainer.get(), &sampling, &output));
  CHECK(to_hwc(chw) == hwc);
  output = vae_output_u8(bytes.data(), bytes.size());
  good(vae_sample(trainer.get(), &sampling, &output));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    REQUIRE(bytes[i] == static_cast<std::uint8_t>(chw[i] * 255.0f + 0.5f));
}

TEST_CASE("a step from a dataset is a step from the host's memory") {
  // One batch holds the whole set: the order can only permute its rows.
  const auto pixels = pictures(1);
  vae_config config = gaussian_config();
  const Trainer by_hand = make_trainer(config), by_set = make_trainer(config);
  const vae_batch batch = view(pixels);
  const std::uint32_t shape[3] = {1, kSide, kSide};
  vae_dataset* made = nullptr;
  good(vae_dataset_from_memory(&batch, shape, &made));
  const Dataset dataset(made);
  for (int i = 0; i < 3; ++i) {
    good(vae_train_step(by_hand.get(), &batch, nullptr));
    good(vae_train_epoch(by_set.get(), made, nullptr, nullptr));
  }
  good(vae_set(by_hand.get(), VAE_EPOCH, 3));
  CHECK(saved(by_hand.get()) == saved(by_set.get()));
}

TEST_CASE("several threads share one dataset") {
  const Dataset dataset = make_dataset(50);
  const Trainer one = make_trainer(), two = make_trainer();
  std::thread other([&] {
    good(vae_train_epoch(one.get(), dataset.get(), nullptr, nullptr));
  });
  good(vae_train_epoch(two.get(), dataset.get(), nullptr, nullptr));
  other.join();
  CHECK(saved(one.get()) == saved(two.get()));
}

TEST_CASE("a plain vector has the shape 1 x 1 x length") {
  vae_config config = gaussian_config();
  config.height = 1;
  config.width = 7;
  const Trainer trainer = make_trainer(config);
  const std::vector<float> rows(5 * 7, -0.25f);
  const vae_batch batch = vae_view_f32(rows.data(), 5, 7);
  vae_metrics first = vae_no_metrics(), last = vae_no_metrics();
  good(vae_train_step(trainer.get(), &batch, &first));
  for (int i = 0; i < 100; ++i)
    good(vae_train_step(trainer.get(), &batch, &last));
  CHECK(last.mse < first.mse);
}

TEST_CASE("a step that exceeds the memory") {
  constexpr std::uint32_t kMany = 65536, kWide = 64;
  // A machine with that much memory would run the step.
  if (vae::available_host_memory() > std::int64_t{64} << 30) return;
  vae_config config = small_config();
  config.height = config.width = kWide;
  config.layers[0] = config.layers[1] = config.layers[2] = 64;
  config.max_batch = kMany;
  const std::uint64_t bytes = std::uint64_t{kMany} * kWide * kWide;
  const std::unique_ptr<void, void (*)(void*)> pixels(std::calloc(bytes, 1),
                                                      std::free);
  const vae_batch many = vae_view_u8(static_cast<std::uint8_t*>(pixels.get()),
                                     kMany, kWide * kWide);
  for (const std::int32_t engine : {VAE_ENGINE_BLOCKS, VAE_ENGINE_TILE}) {
    CAPTURE(engine);
    config.engine = engine;
    const Trainer trainer = make_trainer(config);
    const auto before = saved(trainer.get());
    refused(vae_train_step(trainer.get(), &many, nullptr), VAE_E_MEMORY,
            {"takes", "can have"});
    const bool same = saved(trainer.get()) == before;
    CHECK(same);
    vae_batch few = many;
    few.count = 2;
    if (engine == VAE_ENGINE_BLOCKS)
      good(vae_train_step(trainer.get(), &few, nullptr));
  }
}

TEST_CASE("a model that exceeds the memory") {
  vae_config config = vae_default_config();
  config.device = VAE_CPU;
  config.height = config.width = 4096;
  config.max_batch = 65536;
  vae_trainer* trainer = nullptr;
  refused(vae_create(&config, &trainer), VAE_E_MEMORY,
          {"gradients and moments takes", "can have"});
  CHECK(trainer == nullptr);
}
