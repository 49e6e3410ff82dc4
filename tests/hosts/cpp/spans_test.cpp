// Calls with vectors, arrays and spans: they equal the calls with views, count
// the rows, and throw if the last row is incomplete.
#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <numeric>
#include <vae/vae.hpp>
#include <vector>

using vae::Status;

namespace {

constexpr std::size_t kPixels = 2 * 8 * 6, kLatent = 3;
constexpr vae::Shape kShape{2, 8, 6};

vae::Config small_config() {
  vae::Config config;
  config.channels = 2;
  config.height = 8;
  config.width = 6;
  config.latent = kLatent;
  config.layers = {4, 5};
  config.max_batch = 8;
  config.device = vae::DeviceKind::cpu;
  config.threads = 1;
  return config;
}

std::vector<std::uint8_t> byte_images(std::size_t count) {
  std::vector<std::uint8_t> images(count * kPixels);
  for (std::size_t i = 0; i < images.size(); ++i)
    images[i] = static_cast<std::uint8_t>(i * 7 % 256);
  return images;
}

std::vector<float> float_images(std::size_t count) {
  std::vector<float> images;
  for (const std::uint8_t byte : byte_images(count))
    images.push_back(static_cast<float>(byte) / 255.0f);
  return images;
}

template <class Call>
Status refusal(const Call& call) {
  try {
    call();
  } catch (const vae::Error& error) {
    return error.status();
  }
  return Status::ok;
}

}  // namespace

TEST_CASE("a batch counts its rows") {
  const std::vector<float> numbers(12);
  const vae::Batch batch = vae::Batch::rows_of(numbers, 4);
  CHECK(batch.count == 3);
  CHECK(batch.bytes == 48);
  CHECK(batch.data == numbers.data());
  CHECK(batch.type == vae::ElementType::float32);
  const std::array<std::uint8_t, 6> bytes{};
  CHECK(vae::Batch::rows_of(bytes, 2).count == 3);
  CHECK(vae::Batch::rows_of(bytes, 2).type == vae::ElementType::uint8);
  CHECK(vae::Batch::rows_of(std::span(numbers).first(8), 8).count == 1);
  CHECK(refusal([&] { vae::Batch::rows_of(numbers, 5); }) == Status::argument);
  CHECK(refusal([&] { vae::Batch::rows_of(numbers, 0); }) == Status::argument);
}

TEST_CASE("a step with a vector equals the step with its view") {
  vae::Trainer views(small_config()), vectors(small_config());
  CHECK(vectors.shape() == kShape);
  const auto bytes = byte_images(8);
  const auto floats = float_images(5);
  vae::Metrics expected, metrics;
  views.train_step(vae::Batch::of(bytes, 8), &expected);
  vectors.train_step(bytes, &metrics);
  CHECK(metrics.images == 8);
  CHECK(metrics.loss == expected.loss);
  views.train_step(vae::Batch::of(floats, 5), &expected);
  vectors.train_step(std::span(floats), &metrics);
  CHECK(metrics.images == 5);
  CHECK(metrics.loss == expected.loss);
  CHECK(vectors.eval_step(bytes).loss ==
        views.eval_step(vae::Batch::of(bytes, 8)).loss);
  CHECK(vectors.read_metrics().images == 13);
}

TEST_CASE("results come as vectors of the right length") {
  vae::Trainer trainer(small_config());
  const auto images = float_images(5);
  const vae::Codes codes = trainer.encode(images);
  CHECK(codes.mean.size() == 5 * kLatent);
  CHECK(codes.logvar.size() == 5 * kLatent);
  std::vector<float> mean(5 * kLatent);
  vae::Output output = vae::Output::of(mean);
  trainer.encode(vae::Batch::of(images, 5), &output, nullptr);
  CHECK(codes.mean == mean);

  const std::vector<float> decoded = trainer.decode(codes.mean);
  CHECK(decoded.size() == images.size());
  CHECK(trainer.reconstruct(images) == decoded);
  const auto as_bytes = trainer.decode<std::uint8_t>(codes.mean);
  CHECK(as_bytes.size() == images.size());
  CHECK(trainer.reconstruct<std::uint8_t>(images) == as_bytes);

  CHECK(trainer.sample().size() == 64 * kPixels);
  const auto two = trainer.sample({.count = 2, .seed = 9});
  const auto second = trainer.sample({.count = 1, .seed = 9, .first = 1});
  CHECK(std::vector(two.begin() + kPixels, two.end()) == second);

  const vae::Scores scores = trainer.score(images);
  REQUIRE(scores.kl.size() == 5);
  REQUIRE(scores.reconstruction.size() == 5);
  const vae::Metrics metrics = trainer.eval_step(images);
  CHECK(std::accumulate(scores.kl.begin(), scores.kl.end(), 0.0) / 5 ==
        doctest::Approx(metrics.kl).epsilon(1e-5));
}

TEST_CASE("incomplete images and codes are errors") {
  vae::Trainer trainer(small_config());
  const std::vector<float> odd(kPixels + 1, 0.5f);
  const std::vector<float> none;
  CHECK(refusal([&] { trainer.train_step(odd); }) == Status::argument);
  CHECK(refusal([&] { trainer.train_step(none); }) == Status::argument);
  CHECK(refusal([&] { trainer.encode(odd); }) == Status::argument);
  CHECK(refusal([&] { trainer.decode(std::vector<float>(4)); }) ==
        Status::argument);
  CHECK(refusal([&] { trainer.sample({.count = 0}); }) == Status::argument);
  CHECK(trainer.read_metrics().steps == 0);
  try {
    trainer.train_step(odd);
    FAIL("not refused");
  } catch (const vae::Error& error) {
    CHECK(error.what() ==
          std::string("97 numbers are not a whole number of rows of 96"));
  }
}

TEST_CASE("parameters are read and written as vectors") {
  vae::Trainer trainer(small_config());
  const std::vector<float> bias{0.5f, -1.0f, 2.0f};
  trainer.write_param("fc11.bias", vae::ParamWhat::value, bias);
  CHECK(trainer.read_param("fc11.bias") == bias);
  CHECK(trainer.read_param("fc11.bias", vae::ParamWhat::moment1) ==
        std::vector<float>(3));
  const std::string counter = "encoder.1.num_batches_tracked";
  CHECK(trainer.read_param<std::int64_t>(counter) ==
        std::vector<std::int64_t>{0});
  CHECK(refusal([&] { trainer.read_param(counter); }) == Status::argument);
  CHECK(refusal([&] { trainer.read_param<std::int64_t>("fc11.bias"); }) ==
        Status::argument);
  CHECK(refusal([&] { trainer.read_param("fc13.bias"); }) == Status::argument);
  CHECK(refusal([&] {
          trainer.write_param("fc11.bias", vae::ParamWhat::value,
                              std::vector<float>(2));
        }) == Status::too_small);
  CHECK(trainer.read_param("fc11.bias") == bias);
}

TEST_CASE("a dataset from a vector returns its images") {
  const auto bytes = byte_images(4);
  const auto set = vae::Dataset::from_memory(bytes, kShape);
  CHECK(set.size() == 4);
  CHECK(set.read<std::uint8_t>(0, 4) == bytes);
  CHECK(set.read(1, 2).size() == 2 * kPixels);
  CHECK(refusal([&] { set.read(3, 2); }) == Status::argument);
  CHECK(refusal([&] { set.read(0, set.size() << 40); }) == Status::argument);
  CHECK(refusal([&] {
          vae::Dataset::from_memory(bytes, {1, 5, 7});
        }) == Status::argument);
}

TEST_CASE("a vector is drawn as a grid") {
  const auto path = std::filesystem::temp_directory_path() /
                    ("vae-spans-" + std::to_string(::getpid()) + ".png");
  const std::vector<float> images(3 * 16, 0.5f);
  vae::write_grid(path, images, {1, 4, 4}, 3);
  CHECK(std::filesystem::file_size(path) > 60);
  std::filesystem::remove(path);
  CHECK(refusal([&] {
          vae::write_grid(path, images, {1, 5, 5});
        }) == Status::argument);
}
