// Output buffers: the exact size is enough; with one byte less nothing is
// written.
#include <algorithm>
#include <array>
#include <functional>

#include "capi/capi_fixture.hpp"

using namespace capi_test;

namespace {

using Call = std::function<vae_status(vae_output&)>;

/// `call` succeeds with `bytes` bytes, and with fewer writes nothing.
void fits_exactly(std::uint64_t bytes, const vae_output& like,
                  const Call& call) {
  std::vector<std::uint8_t> memory(bytes + 16, 0xAB);
  vae_output output = like;
  output.data = memory.data();
  for (const std::uint64_t small : {bytes - 1, bytes / 2, std::uint64_t{0}}) {
    output.bytes = small;
    output.written = 77;
    refused(call(output), VAE_E_TOO_SMALL, {std::to_string(bytes)});
    CHECK(output.written == 77);
    CHECK(std::count(memory.begin(), memory.end(), 0xAB) ==
          static_cast<std::ptrdiff_t>(memory.size()));
  }
  output.bytes = bytes;
  good(call(output));
  CHECK(output.written == bytes);
  for (std::size_t i = bytes; i < memory.size(); ++i)
    REQUIRE(memory[i] == 0xAB);
}

}  // namespace

TEST_CASE("output buffers are never overrun") {
  const Trainer trainer = make_trainer();
  vae_trainer* const t = trainer.get();
  const auto pixels = pictures(3);
  const vae_batch images = view(pixels);
  const std::vector<float> numbers(3 * kLatent, 0.25f);
  const vae_batch codes = vae_view_f32(numbers.data(), 3, kLatent);
  const vae_sampling sampling = vae_draw(3, 1);
  const vae_output as_float = vae_output_f32(nullptr, 0);
  const vae_output as_byte = vae_output_u8(nullptr, 0);
  fits_exactly(3 * kLatent * 4, as_float, [&](vae_output& output) {
    return vae_encode(t, &images, &output, nullptr);
  });
  fits_exactly(3 * kLatent * 4, as_float, [&](vae_output& output) {
    return vae_encode(t, &images, nullptr, &output);
  });
  fits_exactly(3 * 4, as_float, [&](vae_output& output) {
    return vae_score(t, &images, &output, nullptr);
  });
  fits_exactly(3 * 4, as_float, [&](vae_output& output) {
    return vae_score(t, &images, nullptr, &output);
  });
  for (const vae_output& like : {as_float, as_byte}) {
    const std::uint64_t size = like.dtype == VAE_UINT8 ? 1 : 4;
    fits_exactly(3 * kPixels * size, like, [&](vae_output& output) {
      return vae_decode(t, &codes, &output);
    });
    fits_exactly(3 * kPixels * size, like, [&](vae_output& output) {
      return vae_sample(t, &sampling, &output);
    });
    fits_exactly(3 * kPixels * size, like, [&](vae_output& output) {
      return vae_reconstruct(t, &images, &output);
    });
    const Dataset dataset = make_dataset(5);
    fits_exactly(3 * kPixels * size, like, [&](vae_output& output) {
      return vae_dataset_read(dataset.get(), 1, 3, &output, nullptr, 0);
    });
  }
}

TEST_CASE("the second of two outputs is checked before the first is written") {
  const Trainer trainer = make_trainer();
  const auto pixels = pictures(3);
  const vae_batch images = view(pixels);
  std::array<float, 3 * kLatent> first, second;
  first.fill(-7.0f);
  vae_output mean = vae_output_f32(first.data(), first.size());
  vae_output logvar = vae_output_f32(second.data(), second.size() - 1);
  refused(vae_encode(trainer.get(), &images, &mean, &logvar), VAE_E_TOO_SMALL);
  vae_output losses = vae_output_f32(first.data(), first.size());
  vae_output kls = vae_output_f32(second.data(), 2);
  refused(vae_score(trainer.get(), &images, &losses, &kls), VAE_E_TOO_SMALL);
  for (const float value : first) CHECK(value == -7.0f);
}

TEST_CASE("a buffer for KL per dimension that is too small changes nothing") {
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

TEST_CASE("texts: the first call returns the size, the second writes") {
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

TEST_CASE(
    "files in memory: the first call returns the size, the second writes") {
  const Trainer trainer = make_trainer();
  std::uint64_t needed = 0;
  good(vae_save_memory(trainer.get(), VAE_SAVE_MODEL, nullptr, 0, &needed));
  std::vector<std::uint8_t> bytes(needed, 0xAB);
  refused(vae_save_memory(trainer.get(), VAE_SAVE_MODEL, bytes.data(),
                          needed - 1, nullptr),
          VAE_E_TOO_SMALL, {std::to_string(needed)});
  CHECK(bytes == std::vector<std::uint8_t>(needed, 0xAB));
}
