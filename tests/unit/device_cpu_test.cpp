// The CPU as a device: every operation on whole batches. Results have the same
// bits for any number of threads. The commit has a file of its own.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "unit/device_cpu_support.hpp"
#include "unit/testing.hpp"

namespace vae::engine {
namespace {

TEST_CASE("memory is zeroed, aligned and copied unchanged") {
  const auto device = make_cpu_device(1);
  CHECK(device->kind() == DeviceKind::cpu);
  const Buffer buffer = device->allocate(100);
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0);
  std::vector<float> values(25, 1.0f);
  device->download(values.data(), buffer.get(), 100);
  CHECK(values == zeros(25));
  const std::vector<float> given = normals(25, 1);
  device->upload(buffer.get(), given.data(), 100);
  device->download(values.data(), buffer.get(), 100);
  CHECK(values == given);
  device->clear(buffer.get(), 52);
  device->wait();
  CHECK_EQ(floats(buffer)[12], 0.0f);
  CHECK_EQ(floats(buffer)[13], given[13]);
}

TEST_CASE("the error for too much memory names the size") {
  const auto device = make_cpu_device(1);
  const std::int64_t much = std::int64_t{1} << 60;
  testing::says(
      testing::error_of(Status::memory, [&] { device->allocate(much); }),
      std::to_string(much) + " bytes");
}

TEST_CASE("rows are loaded in order, from an offset, or gathered by an order") {
  const std::int64_t total = 20;
  const auto all = normals(total * kPixels, 2);  // taken as [H][W][C]
  const Cursor cursor{7, 9, {3, 1, 20}};
  const auto loaded = [&](const Cursor* by, std::uint64_t first) {
    return on_any_threads([&](Device& device) {
      auto out = zeros(kRows * kPixels);
      device.operations().load(
          {all.data(), ElementType::float32, vae::Layout::hwc, Place::host, by,
           first, kRows, nullptr},
          kImage, out.data());
      return out;
    });
  };
  const auto row = [&](std::uint64_t i) {
    const auto first = all.begin() + static_cast<std::int64_t>(i) * kPixels;
    return std::vector<float>(first, first + kPixels);
  };
  std::vector<float> plain, gathered;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(kRows); ++i) {
    append(plain, row(9 + i));
    append(gathered, row(cursor.order(9 + i)));
  }
  CHECK(loaded(nullptr, 9) == plain);
  CHECK(loaded(&cursor, 0) == gathered);
}

TEST_CASE("bytes in, bytes out, in both layouts") {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(kRows * kPixels));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 7);
  for (const auto layout : {vae::Layout::chw, vae::Layout::hwc}) {
    const auto device = make_cpu_device(2);
    auto inside = zeros(kRows * kPixels);
    device->operations().load({bytes.data(), ElementType::uint8, layout,
                               Place::host, nullptr, 0, kRows, nullptr},
                              kImage, inside.data());
    CHECK_EQ(inside[0], 0.0f);
    // The second number is the second channel's first pixel, or the next.
    const std::size_t next = layout == vae::Layout::chw ? 21 : 1;
    CHECK_EQ(inside[1], static_cast<float>(bytes[next]) / 255.0f);
    auto back = bytes;
    back.assign(bytes.size(), 1);
    device->operations().store(
        inside.data(), kImage, false,
        {back.data(), ElementType::uint8, layout, Place::host, kRows, nullptr});
    CHECK(back == bytes);
  }
}

TEST_CASE("columns of a matrix are stored row by row") {
  const auto matrix = normals(3 * 6, 3);
  auto out = zeros(3 * 2);
  make_cpu_device(1)->operations().store_columns(
      matrix.data(), 6, 1, 2,
      {out.data(), ElementType::float32, vae::Layout::chw, Place::host, 3,
       nullptr});
  CHECK(out == std::vector<float>{matrix[1], matrix[2], matrix[7], matrix[8],
                                  matrix[13], matrix[14]});
}

TEST_CASE("noise depends on the row's index, not on the batch") {
  const NoiseKey key{9, Stream::train, 4};
  const auto whole = on_any_threads([&](Device& device) {
    auto out = zeros(kRows * kLatent);
    device.operations().normals(
        {key, nullptr, 100, kRows, kLatent, 1.0f, out.data()});
    return out;
  });
  const auto device = make_cpu_device(1);
  std::vector<float> parts;
  for (const auto& [first, rows] :
       {std::pair{0, 4}, std::pair{4, 6}, std::pair{10, 1}}) {
    auto out = zeros(rows * kLatent);
    // The step may come from a cursor instead of the key.
    const Cursor cursor{4, 0, {}};
    device->operations().normals({{9, Stream::train, 99},
                                  &cursor,
                                  100 + static_cast<std::uint64_t>(first),
                                  rows,
                                  kLatent,
                                  1.0f,
                                  out.data()});
    append(parts, out);
  }
  CHECK(parts == whole);
}

Settings weighing(double kl_weight) {
  Settings settings{};
  settings.kl_weight = kl_weight;
  return settings;
}

/// Everything a step computes element by element, one after the other.
std::vector<float> step_of(Device& device, Likelihood likelihood) {
  const auto heads = normals(kRows * 2 * kLatent, 4);
  const auto noise = normals(kRows * kLatent, 5);
  const Settings settings = weighing(0.25);
  const auto output = normals(kRows * kPixels, 6);
  auto target = zeros(kRows * kPixels);
  device.operations().store(normals(kRows * kPixels, 7).data(), kImage, true,
                            {target.data(), ElementType::float32,
                             vae::Layout::hwc, Place::host, kRows, nullptr});
  auto z = zeros(kRows * kLatent), kl = zeros(kRows), recon = zeros(kRows);
  auto mse = zeros(kRows), slope = zeros(kRows * kPixels);
  auto dheads = zeros(kRows * 2 * kLatent), tail = zeros(tail_floats(kLatent));
  device.operations().latent(
      {heads.data(), noise.data(), z.data(), kl.data(), kRows, kLatent});
  device.operations().reconstruction({output.data(), target.data(),
                                      slope.data(), recon.data(), mse.data(),
                                      kRows, kPixels, likelihood, 0.5});
  device.operations().latent_gradient({heads.data(), noise.data(), z.data(),
                                       dheads.data(), kRows, kLatent,
                                       &settings});
  device.operations().batch_sums({heads.data(), recon.data(), kl.data(),
                                  mse.data(), tail.data(), kRows, kLatent,
                                  &settings, false});
  std::vector<float> all;
  for (const auto* part : {&z, &kl, &recon, &mse, &slope, &dheads, &tail})
    append(all, *part);
  return all;
}

TEST_CASE("a step's element-wise work is the same on any number of threads") {
  for (const auto likelihood : {Likelihood::bernoulli, Likelihood::gaussian})
    on_any_threads([&](Device& device) { return step_of(device, likelihood); });
}

TEST_CASE("sums of a batch, and their accumulation") {
  const auto heads = normals(kRows * 2 * kLatent, 8);
  const auto recon = normals(kRows, 9), kl = normals(kRows, 10);
  const auto mse = normals(kRows, 11);
  auto tail = zeros(tail_floats(kLatent));
  const auto device = make_cpu_device(1);
  const Settings settings = weighing(0.25);
  BatchSums in{heads.data(), recon.data(), kl.data(), mse.data(), tail.data(),
               kRows,        kLatent,      &settings, false};
  std::vector<double> expected(tail.size());
  for (std::size_t i = 0; i < kRows; ++i) {
    expected[0] += double{recon[i]} + 0.25 * double{kl[i]};
    expected[1] += double{recon[i]};
    expected[2] += double{kl[i]};
    expected[3] += double{mse[i]};
    expected[4] += 1;
    for (std::size_t k = 0; k < kLatent; ++k) {
      const double m = heads[i * 2 * kLatent + k];
      const double v = heads[i * 2 * kLatent + kLatent + k];
      expected[6 + k] += 0.5 * (m * m + std::exp(v) - 1 - v);
      expected[6 + kLatent + k] += m;
      expected[6 + 2 * kLatent + k] += m * m;
    }
  }
  device->operations().batch_sums(in);
  for (std::size_t i = 0; i < tail.size(); ++i) {
    CAPTURE(i);
    // Terms in float (6e-8 each of about kRows), then one rounding.
    CHECK_LE(std::abs(tail[i] - expected[i]), 2e-6 * kRows);
  }
  const auto once = tail;
  in.accumulate = true;
  device->operations().batch_sums(in);
  for (std::size_t i = 0; i < tail.size(); ++i)
    CHECK_EQ(tail[i], once[i] + once[i]);
  in.accumulate = false;
  device->operations().batch_sums(in);
  CHECK(tail == once);
}

TEST_CASE("a loss that is not finite raises the flag") {
  const auto heads = normals(2 * kLatent, 12);
  const auto device = make_cpu_device(1);
  const float zero = 0;
  const Settings settings = weighing(1);
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF})
    for (int which = 0; which < 2; ++which) {
      const float recon = which == 0 ? bad : 1, kl = which == 1 ? bad : 1;
      auto tail = zeros(tail_floats(kLatent));
      device->operations().batch_sums({heads.data(), &recon, &kl, &zero,
                                       tail.data(), 1, kLatent, &settings,
                                       false});
      CHECK_EQ(tail[5], 1.0f);
    }
}

}  // namespace
}  // namespace vae::engine
