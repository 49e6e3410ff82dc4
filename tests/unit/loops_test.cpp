// The loops over one row against their formulas in double, for every length
// around the width of the lanes, and images in both layouts and types.
#include "engine/cpu/loops.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "engine/math/normal.hpp"
#include "engine/math/objective.hpp"

namespace vae::engine::cpu {
namespace {

std::vector<float> normals(std::int64_t count, std::uint32_t row) {
  std::vector<float> values(static_cast<std::size_t>(count));
  normal_row({1, Stream::eval, 0}, row, count, 1.0f, values.data());
  return values;
}

std::vector<float> targets(std::int64_t count) {
  std::vector<float> values = normals(count, 99);
  for (float& value : values) value = logistic(value);
  return values;
}

constexpr std::int64_t kLengths[]{1, 2, 15, 16, 17, 31, 32, 33, 100};

/// A float sum of n terms in 16 lanes is off by n/16 roundings at most, of
/// half 2^-23 each; the terms themselves by some 3e-7.
double tolerance(double magnitude, std::int64_t n) {
  return magnitude * (1e-6 + 6e-8 * (static_cast<double>(n) / 16 + 1));
}

TEST_CASE("noise of a row is that of its blocks, whatever its width") {
  const NoiseKey key{4, Stream::train, 8};
  for (const std::int64_t width : {1, 2, 3, 4, 5, 31, 32}) {
    std::vector<float> row(static_cast<std::size_t>(width) + 1, 7.0f);
    normal_row(key, 3, width, 0.5f, row.data());
    for (std::int64_t i = 0; i < width; ++i) {
      float block[4];
      normal_block(key, 3, static_cast<std::uint32_t>(i / 4), block);
      CHECK_EQ(row[static_cast<std::size_t>(i)], 0.5f * block[i % 4]);
    }
    CHECK_EQ(row.back(), 7.0f);  // nothing is written behind the row
  }
}

TEST_CASE("z and KL of a row are their formulas, summed") {
  for (const std::int64_t n : kLengths) {
    CAPTURE(n);
    const auto heads = normals(2 * n, 1), noise = normals(n, 2);
    std::vector<float> z(static_cast<std::size_t>(n));
    const double kl = latent_row(heads.data(), noise.data(), n, z.data());
    double expected = 0, magnitude = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double m = heads[i], v = heads[z.size() + i], e = noise[i];
      expected += kl_divergence(m, v);
      magnitude += 1 + m * m + std::exp(v) + std::abs(v);
      const double exact = m + std::exp(v / 2) * e;
      // exp's error and three roundings of the largest part.
      CHECK_LE(std::abs(z[i] - exact),
               4e-7 * (std::abs(m) + std::exp(v / 2) * std::abs(e)));
    }
    CHECK_LE(std::abs(kl - expected), tolerance(magnitude, n));
  }
}

TEST_CASE("slopes of a row are their formulas") {
  for (const std::int64_t n : kLengths) {
    CAPTURE(n);
    const auto heads = normals(2 * n, 3), noise = normals(n, 4);
    const auto dz = normals(n, 5);
    std::vector<float> got(heads.size());
    latent_gradient_row(heads.data(), noise.data(), dz.data(), n, 0.75f,
                        got.data());
    for (std::size_t i = 0; i < dz.size(); ++i) {
      const double m = heads[i], v = heads[dz.size() + i];
      const double d = dz[i], e = noise[i], sigma = std::exp(v / 2);
      CHECK_LE(std::abs(got[i] - (d + 0.75 * m)),
               3e-7 * (std::abs(d) + std::abs(m)));
      const double slope = 0.5 * (d * e * sigma + 0.75 * (sigma * sigma - 1));
      CHECK_LE(std::abs(got[dz.size() + i] - slope),
               1e-6 * (std::abs(d * e * sigma) + sigma * sigma + 1));
    }
  }
}

TEST_CASE("Bernoulli's loss of a row is its formula, summed") {
  for (const std::int64_t n : kLengths) {
    CAPTURE(n);
    const auto logits = normals(n, 6), x = targets(n);
    std::vector<float> gradient(x.size());
    const RowLoss got =
        bernoulli_row(logits.data(), x.data(), n, gradient.data());
    double recon = 0, square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double l = logits[i], t = x[i], p = 1 / (1 + std::exp(-l));
      recon -= t * std::log(p) + (1 - t) * std::log(1 - p);
      square += (p - t) * (p - t);
      CHECK_LE(std::abs(gradient[i] - (p - t)), 4e-7);
    }
    CHECK_LE(std::abs(got.recon - recon), tolerance(2 * recon, n));
    CHECK_LE(std::abs(got.square - square),
             tolerance(2 * static_cast<double>(n), n));
    const RowLoss plain = bernoulli_row(logits.data(), x.data(), n, nullptr);
    CHECK_EQ(plain.recon, got.recon);
    CHECK_EQ(plain.square, got.square);
  }
}

TEST_CASE("Gauss's loss of a row is its formula, summed") {
  const double sigma = 0.3;
  const double norm = std::log(sigma * std::sqrt(2 * std::numbers::pi));
  for (const std::int64_t n : kLengths) {
    CAPTURE(n);
    const auto values = normals(n, 7), x = targets(n);
    std::vector<float> gradient(x.size());
    const RowLoss got =
        gaussian_row(values.data(), x.data(), n, sigma, gradient.data());
    double recon = 0, square = 0, magnitude = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double d = double{values[i]} - x[i];
      const double loss = d * d / (2 * sigma * sigma);
      recon += loss + norm;
      magnitude += loss + std::abs(norm);
      square += d * d;
      // The difference of two floats, times a rounded precision.
      CHECK_LE(std::abs(gradient[i] - d / (sigma * sigma)),
               3e-7 * (std::abs(d) + 1) / (sigma * sigma));
    }
    CHECK_LE(std::abs(got.recon - recon), tolerance(magnitude, n));
    CHECK_LE(std::abs(got.square - square), tolerance(square + 1, n));
    CHECK_EQ(gaussian_row(values.data(), x.data(), n, sigma, nullptr).recon,
             got.recon);
  }
}

TEST_CASE("NaN anywhere in a row makes its loss NaN") {
  for (const std::int64_t n : kLengths)
    for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
      auto logits = normals(n, 8), x = targets(n);
      logits[static_cast<std::size_t>(at)] = NAN;
      CHECK(
          std::isnan(bernoulli_row(logits.data(), x.data(), n, nullptr).recon));
      CHECK(std::isnan(
          gaussian_row(logits.data(), x.data(), n, 1.0, nullptr).recon));
      auto heads = normals(2 * n, 9);
      heads[static_cast<std::size_t>(n + at)] = NAN;
      std::vector<float> z(x.size());
      CHECK(std::isnan(latent_row(heads.data(), x.data(), n, z.data())));
    }
}

TEST_CASE("sums of squares are exact where doubles are") {
  for (const std::int64_t n : kLengths) {
    std::vector<float> values(static_cast<std::size_t>(n));
    double expected = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = 4096.0f + static_cast<float>(i);  // squares above 2^24
      expected += double{values[i]} * double{values[i]};
    }
    CHECK_EQ(square_sum(values.data(), n), expected);
  }
  const float large[]{1e30f, 1e38f};  // the squares overflow floats
  CHECK_EQ(square_sum(large, 2), doctest::Approx(1e76).epsilon(1e-7));
}

const model::Extent kImage{3, 2, 4};

TEST_CASE("images are loaded as [H][W][C] from either layout and type") {
  std::vector<std::uint8_t> chw(24), hwc(24);
  std::vector<float> chw_floats(24), expected(24), got(24);
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t p = 0; p < 8; ++p) {
      const auto byte = static_cast<std::uint8_t>(10 * (c * 8 + p) + 3);
      chw[c * 8 + p] = hwc[p * 3 + c] = byte;
      chw_floats[c * 8 + p] = expected[p * 3 + c] =
          static_cast<float>(byte) / 255.0f;
    }
  const auto u8 = ElementType::uint8, f32 = ElementType::float32;
  load_image(chw.data(), u8, vae::Layout::chw, kImage, got.data());
  CHECK(got == expected);
  load_image(hwc.data(), u8, vae::Layout::hwc, kImage, got.data());
  CHECK(got == expected);
  load_image(chw_floats.data(), f32, vae::Layout::chw, kImage, got.data());
  CHECK(got == expected);
  load_image(expected.data(), f32, vae::Layout::hwc, kImage, got.data());
  CHECK(got == expected);

  std::vector<float> floats(24);
  store_image(expected.data(), kImage, false, f32, vae::Layout::chw,
              floats.data());
  CHECK(floats == chw_floats);
  store_image(expected.data(), kImage, false, f32, vae::Layout::hwc,
              floats.data());
  CHECK(floats == expected);
  std::vector<std::uint8_t> bytes(24);
  store_image(expected.data(), kImage, false, u8, vae::Layout::chw,
              bytes.data());
  CHECK(bytes == chw);
  store_image(expected.data(), kImage, false, u8, vae::Layout::hwc,
              bytes.data());
  CHECK(bytes == hwc);
}

TEST_CASE("logits are stored as probabilities") {
  const float logits[]{-100, 0, 100, 2};
  float out[4];
  store_image(logits, {1, 2, 2}, true, ElementType::float32, vae::Layout::chw,
              out);
  CHECK_LE(out[0], 1e-37f);
  CHECK_EQ(out[1], 0.5f);
  CHECK_EQ(out[2], 1.0f);
  CHECK_EQ(out[3], doctest::Approx(1 / (1 + std::exp(-2.0))).epsilon(3e-7));
  std::uint8_t bytes[4];
  store_image(logits, {1, 2, 2}, true, ElementType::uint8, vae::Layout::chw,
              bytes);
  CHECK_EQ(bytes[0], 0);
  CHECK_EQ(bytes[1], 128);  // 127.5 rounded up
  CHECK_EQ(bytes[2], 255);
}

}  // namespace
}  // namespace vae::engine::cpu
