// Collecting gradients in the flat buffer, and the parameters' bfloat16 copy:
// converted, and updated by the commit.
#include <cstring>

#include "kernels/fusion_support.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {
namespace {

TEST_CASE("collect copies every piece to its offset and nothing else") {
  Device& device = kernel_device();
  constexpr std::int64_t kSizes[]{1, 0, 300, 7, 1500};
  constexpr std::int64_t kGap = 3;  // floats between pieces
  const Values before = random_values(1900, 1);
  for (const Number number : kNumbers) {
    for (const bool accumulate : {false, true}) {
      const Array flat(device, before);
      Values exact = before;
      std::vector<Array> pieces;
      Collect collect{};
      collect.number = number;
      collect.accumulate = accumulate;
      std::int64_t at = kGap;
      for (const std::int64_t size : kSizes) {
        const Values values =
            random_values(size, static_cast<std::uint32_t>(size), number);
        pieces.emplace_back(device, values, number);
        collect.pieces[index(collect.count++)] = {pieces.back().data(),
                                                  flat.floats() + at, size};
        for (std::size_t i = 0; i < values.size(); ++i) {
          double& to = exact[index(at) + i];
          // As the device does it: in float32.
          to = double{static_cast<float>(values[i] + (accumulate ? to : 0.0))};
        }
        at += size + kGap;
      }
      device.operations().fusion()->collect(collect);
      CHECK(flat.read() == exact);
    }
  }
}

TEST_CASE("collect takes up to its limit of pieces, and zero") {
  Device& device = kernel_device();
  const std::int64_t most = Collect::kMost;
  const Array from(device, random_values(most, 1)), to(device, most);
  Collect collect{};
  device.operations().fusion()->collect(collect);
  for (std::int64_t i = 0; i < most; ++i)
    collect.pieces[index(i)] = {from.floats() + i, to.floats() + most - 1 - i,
                                1};
  collect.count = static_cast<std::int32_t>(most);
  device.operations().fusion()->collect(collect);
  Values reversed = from.read();
  std::reverse(reversed.begin(), reversed.end());
  CHECK(to.read() == reversed);
}

TEST_CASE("refresh_copy rounds every parameter") {
  Device& device = kernel_device();
  for (const std::int64_t count : {1, 127, 1000}) {
    Values values = random_values(count, 1);
    values[0] = std::numeric_limits<double>::infinity();
    const Array params(device, values);
    const Array copy(device, count, Number::bfloat16);
    device.operations().fusion()->refresh_copy(
        params.floats(), count, static_cast<std::uint16_t*>(copy.data()));
    const Array expected(device, values, Number::bfloat16);
    CHECK(copy.raw() == expected.raw());
  }
}

constexpr std::int64_t kParams = 700, kRunning = 6, kLatent = 3;

/// A state with a gradient, on the device.
struct Trained {
  Array param, moment1, moment2, reduced, running;
  State state;

  Trained(Device& device, bool finite)
      : param(device, random_values(kParams, 1)),
        moment1(device, kParams),
        moment2(device, kParams),
        reduced(device, reduced_values(finite)),
        running(device, kRunning) {
    const auto view = [](const Array& array) {
      return Buffer(array.data(), [](void*) {});
    };
    state.param = view(param);
    state.moment1 = view(moment1);
    state.moment2 = view(moment2);
    state.reduced = view(reduced);
    state.running = view(running);
    state.sums = device.allocate(sum_doubles(kLatent) * 8);
    state.control = device.allocate(sizeof(Control));
    Control control{};
    control.learning_rate = 0.1;
    control.beta1 = 0.9;
    control.beta2 = 0.999;
    control.epsilon = 1e-8;
    device.upload(state.control.get(), &control, sizeof control);
  }

  static Values reduced_values(bool finite) {
    Values values = random_values(kParams + kRunning + tail_floats(kLatent), 2);
    const Tail tail{1, 1, 1, 1, 4, finite ? 0.0f : 1.0f};
    float floats[kTailFloats];
    std::memcpy(floats, &tail, sizeof tail);
    std::copy_n(floats, kTailFloats, values.begin() + kParams + kRunning);
    return values;
  }
};

Layout layout_of() {
  Layout layout;
  layout.param_floats = kParams;
  layout.running_floats = kRunning;
  return layout;
}

TEST_CASE("a commit updates the copy and is otherwise unchanged") {
  Device& device = kernel_device();
  Trained fused(device, true), plain(device, true);
  const Array copy(device, kParams, Number::bfloat16);
  const Bytes before = fused.param.raw();
  device.operations().commit({fused.state,
                              layout_of(),
                              kLatent,
                              static_cast<std::uint16_t*>(copy.data()),
                              {}});
  device.operations().commit({plain.state, layout_of(), kLatent});
  CHECK(fused.param.raw() != before);
  CHECK(fused.param.raw() == plain.param.raw());
  CHECK(fused.moment2.raw() == plain.moment2.raw());
  CHECK(fused.running.raw() == plain.running.raw());
  const Array expected(device, fused.param.read(), Number::bfloat16);
  CHECK(copy.raw() == expected.raw());

  Trained third(device, true);
  device.operations().commit({third.state, layout_of(), kLatent, nullptr, {}});
  CHECK(third.param.raw() == plain.param.raw());
}

TEST_CASE("a skipped step does not change the copy") {
  Device& device = kernel_device();
  Trained fused(device, false);
  const Array copy(device, random_values(kParams, 9), Number::bfloat16);
  const Bytes params = fused.param.raw(), before = copy.raw();
  device.operations().commit({fused.state,
                              layout_of(),
                              kLatent,
                              static_cast<std::uint16_t*>(copy.data()),
                              {}});
  CHECK(fused.param.raw() == params);
  CHECK(copy.raw() == before);
}

}  // namespace
}  // namespace vae::engine
