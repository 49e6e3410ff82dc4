// What the tests of fused operations share: arrays on the device in either
// number type, matrices that meet every kind of tile and chunk, and errors that
// rounding explains. The references are the tests' own.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "engine/fusion.hpp"
#include "engine/math/numbers.hpp"
#include "engine/operations.hpp"

namespace vae::engine {

using Values = std::vector<double>;
using Bytes = std::vector<std::byte>;
using Kind = model::Activation;

constexpr Kind kKinds[]{Kind::none, Kind::relu, Kind::leaky_relu};
constexpr Number kNumbers[]{Number::float32, Number::bfloat16};

/// A sum over rows has, per block, up to 32 channels and 128 threads with 32
/// rows each. So: less than one block, ragged tiles, ragged chunks, both.
struct Shape {
  std::int64_t rows, channels;
};
#ifdef VAE_FEW_SHAPES
constexpr Shape kShapes[]{{7, 3}, {300, 130}};
#else
constexpr Shape kShapes[]{{2, 1},    {9000, 1}, {7, 3},     {600, 5}, {64, 64},
                          {130, 64}, {9, 130},  {300, 130}, {33, 2}};
#endif

/// Normal numbers, rounded to what the device will hold.
inline Values random_values(std::int64_t count, std::uint32_t seed,
                            Number number = Number::float32, double mean = 0,
                            double deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(mean, deviation);
  Values values(static_cast<std::size_t>(count));
  for (double& value : values) {
    const auto single = static_cast<float>(normal(random));
    value =
        double{number == Number::bfloat16 ? from_bfloat16(to_bfloat16(single))
                                          : single};
  }
  return values;
}

/// An array on the device.
class Array {
 public:
  Array(Device& device, std::int64_t count, Number number = Number::float32)
      : device_(device),
        number_(number),
        count_(count),
        memory_(device.allocate(bytes())) {}
  Array(Device& device, const Values& values, Number number = Number::float32)
      : Array(device, static_cast<std::int64_t>(values.size()), number) {
    write(values);
  }

  void write(const Values& values) {
    std::vector<float> singles(values.size());
    std::vector<std::uint16_t> halves(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      singles[i] = static_cast<float>(values[i]);
      halves[i] = to_bfloat16(singles[i]);
    }
    device_.upload(memory_.get(),
                   number_ == Number::bfloat16
                       ? static_cast<const void*>(halves.data())
                       : static_cast<const void*>(singles.data()),
                   bytes());
  }
  Bytes raw() const {
    Bytes copy(static_cast<std::size_t>(bytes()));
    device_.download(copy.data(), memory_.get(), bytes());
    return copy;
  }
  Values read() const {
    const Bytes copy = raw();
    Values values(static_cast<std::size_t>(count_));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (number_ == Number::bfloat16)
        values[i] = double{from_bfloat16(
            reinterpret_cast<const std::uint16_t*>(copy.data())[i])};
      else
        values[i] = double{reinterpret_cast<const float*>(copy.data())[i]};
    }
    return values;
  }

  void* data() const { return memory_.get(); }
  float* floats() const { return static_cast<float*>(memory_.get()); }
  Matrix matrix(const Shape& shape) const {
    return {memory_.get(), number_, shape.rows, shape.channels};
  }

 private:
  std::int64_t bytes() const {
    return count_ * (number_ == Number::bfloat16 ? 2 : 4);
  }

  Device& device_;
  Number number_;
  std::int64_t count_;
  Buffer memory_;
};

inline double activated(double x, Kind kind) {
  if (kind == Kind::relu) return std::max(x, 0.0);
  return kind == Kind::leaky_relu && x < 0 ? x * model::kLeakySlope : x;
}

/// dy times the slope at an output of this sign, PyTorch's at zero.
inline double sloped(double dy, double out, Kind kind) {
  if (kind == Kind::none || out > 0) return dy;
  return kind == Kind::relu ? 0.0 : dy * model::kLeakySlope;
}

/// Greatest error as a multiple of what is allowed: `rounding` of `scale`, the
/// size of the numbers that were added up, and for bfloat16 half a unit of its
/// eight bits, of the value itself.
inline double excess(const Values& got, const Values& exact, Number number,
                     double scale, double rounding = 2e-6) {
  REQUIRE_EQ(got.size(), exact.size());
  const double half_unit = number == Number::bfloat16 ? 0x1p-8 : 0.0;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double allowed = rounding * scale + half_unit * std::abs(exact[i]);
    const double ratio = std::abs(got[i] - exact[i]) / allowed;
    // Not std::max, which loses NaN.
    if (!(ratio <= worst)) worst = ratio;
    if (std::isnan(worst)) break;
  }
  return worst;
}

inline double largest(const Values& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

inline std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace vae::engine
