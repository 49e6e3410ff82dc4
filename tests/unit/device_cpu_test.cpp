// The CPU as a device: every operation on whole batches. Results do not depend
// on the number of threads, bit by bit; a commit that is skipped changes
// nothing but the counts.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

#include "engine/device.hpp"
#include "unit/testing.hpp"

namespace vae::engine {
namespace {

constexpr std::int64_t kRows = 11, kLatent = 5;
const model::Extent kImage{2, 3, 7};
const std::int64_t kPixels = kImage.size();

std::vector<float> normals(std::int64_t count, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(count));
  make_cpu_device(1)->normals(
      {{seed, Stream::eval, 0}, nullptr, 0, 1, count, 1.0f, out.data()});
  return out;
}

std::vector<float> room(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count));
}

/// What `work` gives on one thread; the same bits on 2 and 5.
std::vector<float> on_any_threads(
    const std::function<std::vector<float>(Device&)>& work) {
  const auto one = make_cpu_device(1);
  const std::vector<float> expected = work(*one);
  for (const int threads : {2, 5}) {
    CAPTURE(threads);
    const auto device = make_cpu_device(threads);
    const std::vector<float> got = work(*device);
    REQUIRE(got.size() == expected.size());
    CHECK_EQ(std::memcmp(got.data(), expected.data(), got.size() * 4), 0);
  }
  return expected;
}

void append(std::vector<float>& to, const std::vector<float>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

TEST_CASE("memory is zeroed, aligned and copied as it is") {
  const auto device = make_cpu_device(1);
  CHECK(device->kind() == DeviceKind::cpu);
  const Buffer buffer = device->allocate(100);
  CHECK_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0);
  std::vector<float> values(25, 1.0f);
  device->download(values.data(), buffer.get(), 100);
  CHECK(values == room(25));
  const std::vector<float> given = normals(25, 1);
  device->upload(buffer.get(), given.data(), 100);
  device->download(values.data(), buffer.get(), 100);
  CHECK(values == given);
  device->clear(buffer.get(), 52);
  device->wait();
  CHECK_EQ(floats(buffer)[12], 0.0f);
  CHECK_EQ(floats(buffer)[13], given[13]);
}

TEST_CASE("more memory than there is says how much was wanted") {
  const auto device = make_cpu_device(1);
  const std::int64_t much = std::int64_t{1} << 60;
  testing::says(
      testing::error_of(Status::memory, [&] { device->allocate(much); }),
      std::to_string(much) + " bytes");
}

TEST_CASE("rows come in order, from a place on, or gathered by an order") {
  const std::int64_t total = 20;
  const auto all = normals(total * kPixels, 2);  // taken as [H][W][C]
  const Cursor cursor{7, 9, {3, 1, 20}};
  const auto loaded = [&](const Cursor* by, std::uint64_t first) {
    return on_any_threads([&](Device& device) {
      auto out = room(kRows * kPixels);
      device.load({all.data(), ElementType::float32, vae::Layout::hwc,
                   Place::host, by, first, kRows, nullptr},
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
    auto inside = room(kRows * kPixels);
    device->load({bytes.data(), ElementType::uint8, layout, Place::host,
                  nullptr, 0, kRows, nullptr},
                 kImage, inside.data());
    CHECK_EQ(inside[0], 0.0f);
    // The second number is the second channel's first pixel, or the next.
    const std::size_t next = layout == vae::Layout::chw ? 21 : 1;
    CHECK_EQ(inside[1], static_cast<float>(bytes[next]) / 255.0f);
    auto back = bytes;
    back.assign(bytes.size(), 1);
    device->store(
        inside.data(), kImage, false,
        {back.data(), ElementType::uint8, layout, Place::host, kRows, nullptr});
    CHECK(back == bytes);
  }
}

TEST_CASE("columns of a matrix go out row by row") {
  const auto matrix = normals(3 * 6, 3);
  auto out = room(3 * 2);
  make_cpu_device(1)->store_columns(
      matrix.data(), 6, 1, 2,
      {out.data(), ElementType::float32, vae::Layout::chw, Place::host, 3,
       nullptr});
  CHECK(out == std::vector<float>{matrix[1], matrix[2], matrix[7], matrix[8],
                                  matrix[13], matrix[14]});
}

TEST_CASE("noise belongs to the row's place, not to the batch it comes in") {
  const NoiseKey key{9, Stream::train, 4};
  const auto whole = on_any_threads([&](Device& device) {
    auto out = room(kRows * kLatent);
    device.normals({key, nullptr, 100, kRows, kLatent, 1.0f, out.data()});
    return out;
  });
  const auto device = make_cpu_device(1);
  std::vector<float> parts;
  for (const auto& [first, rows] :
       {std::pair{0, 4}, std::pair{4, 6}, std::pair{10, 1}}) {
    auto out = room(rows * kLatent);
    // The step may come from a cursor instead of the key.
    const Cursor cursor{4, 0, {}};
    device->normals({{9, Stream::train, 99},
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
  auto target = room(kRows * kPixels);
  device.store(normals(kRows * kPixels, 7).data(), kImage, true,
               {target.data(), ElementType::float32, vae::Layout::hwc,
                Place::host, kRows, nullptr});
  auto z = room(kRows * kLatent), kl = room(kRows), recon = room(kRows);
  auto mse = room(kRows), slope = room(kRows * kPixels);
  auto dheads = room(kRows * 2 * kLatent), tail = room(tail_floats(kLatent));
  device.latent(
      {heads.data(), noise.data(), z.data(), kl.data(), kRows, kLatent});
  device.reconstruction({output.data(), target.data(), slope.data(),
                         recon.data(), mse.data(), kRows, kPixels, likelihood,
                         0.5});
  device.latent_gradient({heads.data(), noise.data(), z.data(), dheads.data(),
                          kRows, kLatent, &settings});
  device.batch_sums({heads.data(), recon.data(), kl.data(), mse.data(),
                     tail.data(), kRows, kLatent, &settings, false});
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
  auto tail = room(tail_floats(kLatent));
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
  device->batch_sums(in);
  for (std::size_t i = 0; i < tail.size(); ++i) {
    CAPTURE(i);
    // Terms in float (6e-8 each of about kRows), then one rounding.
    CHECK_LE(std::abs(tail[i] - expected[i]), 2e-6 * kRows);
  }
  const auto once = tail;
  in.accumulate = true;
  device->batch_sums(in);
  for (std::size_t i = 0; i < tail.size(); ++i)
    CHECK_EQ(tail[i], once[i] + once[i]);
  in.accumulate = false;
  device->batch_sums(in);
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
      auto tail = room(tail_floats(kLatent));
      device->batch_sums({heads.data(), &recon, &kl, &zero, tail.data(), 1,
                          kLatent, &settings, false});
      CHECK_EQ(tail[5], 1.0f);
    }
}

/// A State of two Adam chunks and a rest, with values everywhere.
struct Run {
  Layout layout;
  State state;
};

constexpr std::int64_t kParams = 2 * 16384 + 64, kRunning = 64;

Run make_run(Device& device) {
  Run run;
  run.layout.param_floats = kParams;
  run.layout.running_floats = kRunning;
  const auto filled = [&](const std::vector<float>& values) {
    const auto bytes = static_cast<std::int64_t>(values.size() * 4);
    Buffer buffer = device.allocate(bytes);
    device.upload(buffer.get(), values.data(), bytes);
    return buffer;
  };
  State& state = run.state;
  state.param = filled(normals(kParams, 20));
  state.moment1 = filled(normals(kParams, 21));
  auto squares = normals(kParams, 22);
  for (float& value : squares) value *= value;
  state.moment2 = filled(squares);
  auto reduced = normals(kParams + kRunning + tail_floats(kLatent), 23);
  const Tail tail{10, 7, 3, 2, 4, 0};
  std::memcpy(reduced.data() + kParams + kRunning, &tail, sizeof tail);
  state.reduced = filled(reduced);
  state.running = filled(normals(kRunning, 24));
  state.sums = device.allocate(sum_doubles(kLatent) * 8);
  state.control = device.allocate(sizeof(Control));
  auto* control = static_cast<Control*>(state.control.get());
  *control = {};
  control->learning_rate = 0.01;
  control->beta1 = 0.9;
  control->beta2 = 0.99;
  control->epsilon = 1e-8;
  control->weight_decay = 0.1;
  control->clip_norm = 20;
  control->mean_gradient = 1;
  control->updates = 6;
  return run;
}

std::vector<float> values_of(const Buffer& buffer, std::int64_t count) {
  return {floats(buffer), floats(buffer) + count};
}

/// All that a run keeps: parameters, moments, statistics.
std::vector<float> kept(const Run& run) {
  std::vector<float> all = values_of(run.state.param, kParams);
  append(all, values_of(run.state.moment1, kParams));
  append(all, values_of(run.state.moment2, kParams));
  append(all, values_of(run.state.running, kRunning));
  return all;
}

TEST_CASE("a commit is Adam's formula on the scaled, clipped gradient") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  const auto before = kept(run);
  const auto reduced = values_of(run.state.reduced, kParams + kRunning);
  device->commit(run.state, run.layout, kLatent);
  double square = 0;
  for (std::size_t i = 0; i < kParams; ++i)
    square += double{reduced[i]} * double{reduced[i]} / 16;
  const double norm = std::sqrt(square);
  REQUIRE(norm > 20);  // so that it is clipped
  const double t = 7, scale = 0.25 * 20 / norm;
  const double first = 1 - std::pow(0.9, t), second = 1 - std::pow(0.99, t);
  double worst = 0;
  const auto after = kept(run);
  for (std::size_t i = 0; i < kParams; ++i) {
    const double p = before[i];
    const double g = reduced[i] * scale + 0.1 * p;
    const double m = 0.9 * before[kParams + i] + 0.1 * g;
    const double v = 0.99 * before[2 * kParams + i] + 0.01 * g * g;
    const double step = 0.01 / first * m / (std::sqrt(v / second) + 1e-8);
    worst = std::max(worst, std::abs(after[i] - (p - step)) /
                                (std::abs(p) + std::abs(step)));
    worst = std::max(
        worst, std::abs(after[kParams + i] - m) / (std::abs(m) + std::abs(g)));
    worst = std::max(worst, std::abs(after[2 * kParams + i] - v) / v);
  }
  CHECK_LE(worst, 1e-6);  // some eight float roundings of 6e-8
  for (std::size_t i = 0; i < kRunning; ++i) {
    const double old = before[3 * kParams + i];
    const double batch = double{reduced[kParams + i]} / 4;
    CHECK_LE(std::abs(after[3 * kParams + i] - (0.9 * old + 0.1 * batch)),
             2e-7 * (std::abs(old) + std::abs(batch)));
  }
  const auto* control = static_cast<const Control*>(run.state.control.get());
  CHECK_EQ(control->updates, 7);
  CHECK_EQ(control->gradient_square, doctest::Approx(square).epsilon(1e-12));
}

TEST_CASE("a commit is the same on any number of threads") {
  on_any_threads([](Device& device) {
    Run run = make_run(device);
    device.commit(run.state, run.layout, kLatent);
    auto all = kept(run);
    const std::int64_t sums = 2 * sum_doubles(kLatent);
    append(all, values_of(run.state.sums, sums));
    return all;
  });
}

TEST_CASE("a commit that is not finite changes nothing and is counted") {
  const auto device = make_cpu_device(2);
  const auto spoil = [&](Run& run, int how) {
    float* reduced = floats(run.state.reduced);
    if (how == 0) reduced[kParams + kRunning + 5] = 1;  // the loss's flag
    if (how == 1) reduced[3] = HUGE_VALF;
    if (how == 2) reduced[kParams - 1] = NAN;
  };
  for (int how = 0; how < 3; ++how) {
    CAPTURE(how);
    Run run = make_run(*device);
    const auto before = kept(run);
    spoil(run, how);
    device->commit(run.state, run.layout, kLatent);
    CHECK(kept(run) == before);
    const auto* control = static_cast<const Control*>(run.state.control.get());
    CHECK_EQ(control->updates, 6);
    CHECK_EQ(control->skip, 1);
    const auto* sums = static_cast<const double*>(run.state.sums.get());
    std::vector<double> expected(
        static_cast<std::size_t>(sum_doubles(kLatent)));
    expected[6] = expected[7] = expected[8] = 1;  // steps, skipped, nonfinite
    CHECK(std::vector<double>(sums, sums + sum_doubles(kLatent)) == expected);
  }
}

TEST_CASE("the largest finite gradient is clipped, not refused") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  floats(run.state.reduced)[0] = std::numeric_limits<float>::max();
  device->commit(run.state, run.layout, kLatent);
  for (const float value : kept(run)) REQUIRE(std::isfinite(value));
  CHECK_EQ(static_cast<const Control*>(run.state.control.get())->updates, 7);
}

TEST_CASE("weight decay moves a parameter whose gradient is zero") {
  const auto device = make_cpu_device(1);
  Run run = make_run(*device);
  device->clear(run.state.reduced.get(), kParams * 4);
  device->clear(run.state.moment1.get(), kParams * 4);
  const auto before = values_of(run.state.param, kParams);
  device->commit(run.state, run.layout, kLatent);
  const auto after = values_of(run.state.param, kParams);
  for (std::size_t i = 0; i < kParams; ++i)
    REQUIRE((after[i] - before[i]) * before[i] < 0);  // towards zero
}

}  // namespace
}  // namespace vae::engine
