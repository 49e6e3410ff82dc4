// Codes from images and images from codes: every count, type and layout, and
// results that depend on the row only, not on the other rows of the call.
#include <doctest/doctest.h>

#include <cmath>

#include "unit/small_trainers.hpp"
#include "unit/testing.hpp"

namespace vae {
namespace {

using testing::batch_of;
using testing::error_of;
using testing::says;
using testing::small_conv;
using testing::some_images;

Trainer trained(Config config = small_conv()) {
  Trainer trainer(config);
  for (int i = 0; i < 3; ++i) trainer.train_step(batch_of(some_images(8)));
  return trainer;
}

std::vector<float> means(Trainer& trainer, const std::vector<float>& images) {
  std::vector<float> mean(images.size() / 20);
  Output out = Output::of(std::span(mean));
  trainer.encode(batch_of(images), &out, nullptr);
  CHECK_EQ(out.written, mean.size() * 4);
  return mean;
}

std::vector<float> samples(Trainer& trainer, const Sampling& sampling) {
  std::vector<float> images(sampling.count * 60);
  Output out = Output::of(std::span(images));
  trainer.sample(sampling, out);
  CHECK_EQ(out.written, images.size() * 4);
  return images;
}

double largest_difference(const std::vector<float>& a,
                          const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

TEST_CASE("any count is encoded, row by row the same") {
  Trainer trainer = trained();
  const auto images = some_images(600);  // several chunks
  const auto all = means(trainer, images);
  for (const std::size_t row : {0, 255, 256, 599}) {
    const std::vector<float> one(
        images.begin() + static_cast<long>(row) * 60,
        images.begin() + static_cast<long>(row) * 60 + 60);
    const std::vector<float> expected(
        all.begin() + static_cast<long>(row) * 3,
        all.begin() + static_cast<long>(row) * 3 + 3);
    // Products of another batch size may be summed in another order.
    CHECK_LE(largest_difference(means(trainer, one), expected), 1e-5);
  }
}

TEST_CASE("mean and log-variance can be requested together or alone") {
  Trainer trainer = trained();
  const auto images = some_images(5);
  std::vector<float> mean(15), logvar(15), alone(15);
  Output mean_out = Output::of(std::span(mean));
  Output logvar_out = Output::of(std::span(logvar));
  Output alone_out = Output::of(std::span(alone));
  trainer.encode(batch_of(images), &mean_out, &logvar_out);
  trainer.encode(batch_of(images), nullptr, &alone_out);
  CHECK(logvar == alone);
  CHECK(mean == means(trainer, images));
  CHECK(mean != logvar);
  says(error_of(Status::argument,
                [&] { trainer.encode(batch_of(images), nullptr, nullptr); }),
       "at least one is needed");
}

TEST_CASE("a reconstruction is the decoded mean") {
  Trainer trainer = trained();
  const auto images = some_images(7);
  std::vector<float> direct(images.size()), by_hand(images.size());
  Output direct_out = Output::of(std::span(direct));
  trainer.reconstruct(batch_of(images), direct_out);
  const auto codes = means(trainer, images);
  Output out = Output::of(std::span(by_hand));
  trainer.decode(Batch::of(std::span<const float>(codes), 7), out);
  CHECK(direct == by_hand);
  for (const float value : direct) CHECK((value >= 0 && value <= 1));
}

TEST_CASE("samples depend on seed and index only") {
  Trainer trainer = trained();
  const auto many = samples(trainer, {300, 7, 0, 1.0});
  CHECK(samples(trainer, {300, 7, 0, 1.0}) == many);
  const auto later = samples(trainer, {10, 7, 290, 1.0});
  CHECK_LE(largest_difference(
               later, {many.begin() + 290 * 60, many.begin() + 300 * 60}),
           1e-5);
  CHECK(samples(trainer, {10, 8, 0, 1.0}) != samples(trainer, {10, 7, 0, 1.0}));
}

TEST_CASE("a temperature of 0 is the image of the code 0") {
  Trainer trainer = trained();
  const std::vector<float> zero(2 * 3);
  std::vector<float> image(2 * 60);
  Output out = Output::of(std::span(image));
  trainer.decode(Batch::of(std::span<const float>(zero), 2), out);
  CHECK(samples(trainer, {2, 1, 0, 0.0}) == image);
}

TEST_CASE("images are read and written in either layout and type") {
  Trainer trainer = trained();
  const auto images = some_images(2);
  std::vector<float> hwc(120), out_hwc(120), out_chw(120);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t p = 0; p < 30; ++p)
        hwc[i * 60 + p * 2 + c] = images[i * 60 + c * 30 + p];
  Batch in = batch_of(hwc);
  in.layout = Layout::hwc;
  Output out = Output::of(std::span(out_chw));
  trainer.reconstruct(batch_of(images), out);
  out = Output::of(std::span(out_hwc));
  out.layout = Layout::hwc;
  trainer.reconstruct(in, out);
  for (std::size_t p = 0; p < 30; ++p)
    CHECK_EQ(out_hwc[60 + p * 2 + 1], out_chw[60 + 30 + p]);
  std::vector<std::uint8_t> bytes(120);
  out = Output::of(std::span(bytes));
  trainer.reconstruct(batch_of(images), out);
  CHECK_EQ(out.written, 120);
  for (std::size_t i = 0; i < 120; ++i)
    CHECK_LE(std::abs(bytes[i] - 255 * double{out_chw[i]}), 0.5 + 1e-4);
}

TEST_CASE("Gaussian images are means, not probabilities") {
  Config config = small_conv();
  config.likelihood = Likelihood::gaussian;
  Trainer trainer(config);
  testing::set_param(trainer, "decoder.0.bias", {-3, 5});
  testing::set_param(trainer, "decoder.0.weight",
                     std::vector<float>(3 * 2 * 16));
  const auto image = samples(trainer, {1, 1, 0, 1.0});
  for (std::size_t i = 0; i < 60; ++i)
    CHECK_EQ(image[i], i < 30 ? -3.0f : 5.0f);
}

TEST_CASE("samplings out of range are refused") {
  Trainer trainer(small_conv());
  std::vector<float> buffer(60);
  Output out = Output::of(std::span(buffer));
  const auto refused = [&](const Sampling& sampling) {
    return error_of(Status::argument, [&] { trainer.sample(sampling, out); });
  };
  says(refused({0, 0, 0, 1.0}), "count is 0");
  says(refused({1, 0, 0, -1.0}), "temperature is -1");
  says(refused({1, 0, 0, NAN}), "temperature is nan");
  const std::uint64_t last = std::uint64_t{1} << 32;
  says(refused({1, 0, last, 1.0}), "first + count");
  says(refused({1, 0, ~std::uint64_t{0}, 1.0}), "first + count");
  CHECK_NOTHROW(trainer.sample({1, 0, last - 1, 1.0}, out));
  says(error_of(Status::too_small,
                [&] {
                  trainer.sample({2, 0, 0, 1.0}, out);
                }),
       "buffer has 240 bytes");
}

}  // namespace
}  // namespace vae
