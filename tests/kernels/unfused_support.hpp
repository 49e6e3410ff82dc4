// For the tests of a device's unfused operations: arrays on a device, test
// numbers, and comparison of bytes.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "engine/operations.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {

/// An array in a device's memory.
template <class T>
class On {
 public:
  On(Device& device, const std::vector<T>& values)
      : device_(device),
        count_(values.size()),
        memory_(device.allocate(bytes())) {
    device_.upload(memory_.get(), values.data(), bytes());
  }
  /// All bits set, which is NaN, so that elements not written are found.
  On(Device& device, std::int64_t count)
      : On(device, spoiled(static_cast<std::size_t>(count))) {}

  std::vector<T> read() const {
    std::vector<T> values(count_);
    device_.download(values.data(), memory_.get(), bytes());
    return values;
  }
  T* data() const { return static_cast<T*>(memory_.get()); }
  const Buffer& memory() const { return memory_; }

 private:
  std::int64_t bytes() const {
    return static_cast<std::int64_t>(count_ * sizeof(T));
  }
  static std::vector<T> spoiled(std::size_t count) {
    std::vector<T> values(count);
    std::memset(static_cast<void*>(values.data()), 0xFF, count * sizeof(T));
    return values;
  }

  Device& device_;
  std::size_t count_;
  Buffer memory_;
};

inline std::vector<float> random_floats(std::int64_t count, std::uint32_t seed,
                                        float deviation = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

inline std::vector<std::uint8_t> random_bytes(std::int64_t count,
                                              std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = static_cast<std::uint8_t>(random());
  return values;
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// A sum in double of float terms, its terms' magnitudes beside it.
struct Exact {
  double sum = 0, magnitude = 0;
  void add(double term) {
    sum += term;
    magnitude += std::abs(term);
  }
};

/// Whether `got` is the sum, taken in double in any order and rounded once:
/// half a unit of float's 24 bits, and far less for the order.
inline bool rounded_sum(float got, const Exact& exact) {
  return std::abs(double{got} - exact.sum) <=
         0x1.001p-24 * std::abs(exact.sum) + 1e-13 * exact.magnitude;
}

/// Whether the CPU's sum, formed in 16 lanes of float, agrees with `got`: each
/// lane rounds once for each of its terms, until it goes on in double.
inline bool lane_sum(float cpu, float got, const Exact& exact,
                     std::int64_t terms) {
  const double roundings = std::min(static_cast<double>(terms) / 16, 13.0) + 4;
  return std::abs(double{cpu} - double{got}) <=
         roundings * 0x1p-24 * exact.magnitude;
}

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace vae::engine
