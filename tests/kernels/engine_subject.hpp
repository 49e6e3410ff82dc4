// An engine with a device, a State and reproducible images, to compare two of
// them: the blocks engine on the CPU, which is the reference, and the engine of
// the test program.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "model/plan.hpp"
#include "train/memory.hpp"
#include "train/steps.hpp"

namespace vae::engine {

/// The device for tests of engines: a GPU, or the CPU with emulated CUDA
/// kernels. LibTorch can compute in its memory.
std::unique_ptr<Device> engine_device_under_test();
/// Selects the tensor cores of devices created later; ignored by a GPU.
void choose_tensor_cores(bool hopper);

/// Images of soft stripes in [0, 1].
inline std::vector<float> striped_images(const Config& c, std::int64_t count) {
  const std::int64_t pixels = std::int64_t{c.channels} * c.height * c.width;
  std::vector<float> images(static_cast<std::size_t>(count * pixels));
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto image =
        static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(pixels);
    const Words words = random_words({1, Stream::eval, 0}, image,
                                     static_cast<std::uint32_t>(i));
    const bool bright = (i % 5 + words.x[3] % 2 + image) % 3 == 0;
    images[i] = (bright ? 0.7f : 0.1f) + 0.2f * uniform(words.x[0]);
  }
  return images;
}

struct Subject {
  Subject(const Config& config_, std::unique_ptr<Device> device_)
      : config(config_),
        plan(model::make_plan(config)),
        device(std::move(device_)),
        engine(make_engine(plan, config, *device)),
        state(train::allocate_state(*device, engine->layout(), plan.latent)) {
    for (std::size_t i = 0; i < plan.params.size(); ++i)
      train::write_segment(
          *device, engine->layout().params[i],
          model::initial_param(plan, static_cast<int>(i), config.seed),
          floats(state.param));
    for (std::size_t i = 0; i < plan.running.size(); ++i)
      train::write_segment(*device, engine->layout().running[i],
                           std::vector<float>(static_cast<std::size_t>(
                                                  plan.running[i].elements()),
                                              plan.running[i].constant),
                           floats(state.running));
    Control control{};
    control.learning_rate = config.learning_rate;
    control.beta1 = config.beta1, control.beta2 = config.beta2;
    control.epsilon = config.epsilon;
    control.kl_weight = config.kl_weight;
    device->upload(state.control.get(), &control, sizeof control);
    engine->attach(state);
  }

  void step(const Input& input, int steps) const {
    train::take_steps(*engine, input, steps, nullptr);
  }
  Input host_rows(const std::vector<float>& images, std::int64_t first,
                  std::int64_t count) const {
    RowSource rows;
    rows.data = images.data();
    rows.first = static_cast<std::uint64_t>(first);
    rows.count = count;
    return {rows, 0};
  }

  std::vector<float> read(const Buffer& buffer, std::int64_t count) const {
    std::vector<float> values(static_cast<std::size_t>(count));
    device->download(values.data(), buffer.get(), count * 4);
    return values;
  }
  std::vector<float> params() const {
    return read(state.param, engine->layout().param_floats);
  }
  std::vector<float> reduced() const {
    const Layout& layout = engine->layout();
    return read(state.reduced, layout.param_floats + layout.running_floats +
                                   tail_floats(plan.latent));
  }
  std::vector<float> running() const {
    return read(state.running, engine->layout().running_floats);
  }
  Control control() const {
    Control control;
    device->download(&control, state.control.get(), sizeof control);
    return control;
  }

  const Config config;
  const model::Plan plan;
  std::unique_ptr<Device> device;
  std::unique_ptr<Engine> engine;
  State state;
};

/// The sums of scoring `input`.
inline std::vector<double> totals_of(const Subject& s, const Input& input) {
  const std::int64_t count = tail_floats(s.plan.latent), bytes = 8 * count;
  const Buffer there = s.device->allocate(bytes);
  s.engine->score(input, {nullptr, nullptr, static_cast<double*>(there.get())});
  std::vector<double> totals(static_cast<std::size_t>(count));
  s.device->download(totals.data(), there.get(), bytes);
  return totals;
}

/// The blocks engine on the CPU in float32.
inline std::unique_ptr<Subject> reference(Config c) {
  c.device = DeviceKind::cpu;
  c.engine = EngineKind::blocks;
  c.precision = Precision::fp32;
  return std::make_unique<Subject>(c, make_cpu_device(1));
}

/// A dataset of `count` byte images in the device's memory.
inline Buffer resident(Subject& s, std::int64_t count) {
  const std::vector<float> images = striped_images(s.config, count);
  std::vector<std::uint8_t> bytes(images.size());
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(images[i] * 255.0f);
  const auto size = static_cast<std::int64_t>(bytes.size());
  Buffer there = s.device->allocate(size);
  s.device->upload(there.get(), bytes.data(), size);
  return there;
}

inline Input resident_rows(const Buffer& set, std::int64_t count) {
  RowSource rows;
  rows.data = set.get();
  rows.type = ElementType::uint8;
  rows.place = Place::resident;
  rows.count = count;
  return {rows, 0};
}

/// Where `got` is further from `expected` than `tolerance` of the largest
/// value in [first, first + count); empty if nowhere.
inline std::string further(const std::vector<float>& expected,
                           const std::vector<float>& got, std::int64_t first,
                           std::int64_t count, double tolerance) {
  double largest = 1e-6;
  for (std::int64_t i = first; i < first + count; ++i)
    largest = std::max(largest,
                       std::abs(double{expected[static_cast<std::size_t>(i)]}));
  for (std::int64_t i = first; i < first + count; ++i) {
    const double e = expected[static_cast<std::size_t>(i)];
    const double g = got[static_cast<std::size_t>(i)];
    if (std::abs(e - g) <= tolerance * largest) continue;
    return "element " + std::to_string(i - first) + ": expected " +
           std::to_string(e) + ", got " + std::to_string(g) + ", largest " +
           std::to_string(largest);
  }
  return {};
}

/// Gradients tensor by tensor, batch statistics and sums.
inline void check_reduced(const Subject& reference, const Subject& subject,
                          double tolerance) {
  const std::vector<float> expected = reference.reduced();
  const std::vector<float> got = subject.reduced();
  const Layout& layout = reference.engine->layout();
  for (std::size_t i = 0; i < layout.params.size(); ++i) {
    CAPTURE(reference.plan.params[i].name);
    CHECK_EQ(further(expected, got, layout.params[i].offset,
                     reference.plan.params[i].elements(), tolerance),
             "");
  }
  for (std::size_t i = 0; i < layout.running.size(); ++i) {
    CAPTURE(reference.plan.running[i].name);
    CHECK_EQ(
        further(expected, got, layout.param_floats + layout.running[i].offset,
                reference.plan.running[i].elements(), tolerance),
        "");
  }
  const std::int64_t tail = layout.param_floats + layout.running_floats;
  for (std::int64_t i = 0; i < tail_floats(reference.plan.latent); ++i) {
    CAPTURE(i);
    CHECK_EQ(further(expected, got, tail + i, 1, tolerance), "");
  }
}

}  // namespace vae::engine
