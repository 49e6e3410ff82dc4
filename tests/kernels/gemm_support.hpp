// For the tests of the GEMM kernels: numbers on the emulated device, exact sums
// there, and checking a launch.
#pragma once

#include <cuda_runtime.h>

#include "emulation/memory.hpp"
#include "engine/math/exact_sum.hpp"
#include "kernels/fusion_support.hpp"
#include "kernels/kernel_tests.hpp"
#include "kernels/unfused_support.hpp"

namespace vae::engine {

/// The thread sanitizer is slow: selected cases.
#ifdef VAE_FEW_SHAPES
constexpr bool kFewShapes = true;
#else
constexpr bool kFewShapes = false;
#endif

/// The last kernel succeeded and wrote only to its own memory.
inline void require_launched() {
  REQUIRE_EQ(cudaGetLastError(), cudaSuccess);
  REQUIRE_EQ(emulation::written_beside(), "");
}

inline std::uint16_t* bits(const Array& array) {
  return static_cast<std::uint16_t*>(array.data());
}

/// Random numbers around `mean` as bfloat16, on the device and here.
struct Numbers {
  Numbers(std::int64_t count, std::uint32_t seed, double mean = 0)
      : Numbers(random_values(count, seed, Number::bfloat16, mean)) {}
  explicit Numbers(const Values& values)
      : here(values), there(kernel_device(), here, Number::bfloat16) {}
  Values here;
  Array there;
};

inline Values nothing(std::int64_t count) {
  return Values(index(count), std::numeric_limits<double>::quiet_NaN());
}

/// An array of NaN, so that elements that a kernel does not write are found.
inline Array spoiled(std::int64_t count, Number number = Number::float32) {
  return Array(kernel_device(), nothing(count), number);
}

/// A kernel's exact addition, one number after the other.
inline void add_exactly(ExactSum& sum, double value) {
  const ExactSum part = exact_part(static_cast<float>(value));
  if (part.low == ExactSum::kBroken)
    sum.low |= part.low;
  else
    sum.low += part.low, sum.high += part.high;
}

inline std::vector<ExactSum> no_sums(std::int64_t count) {
  return std::vector<ExactSum>(index(count), ExactSum{0, 0});
}

inline Values values_of(const std::vector<ExactSum>& sums) {
  Values values;
  for (const ExactSum& sum : sums) values.push_back(exact_value(sum));
  return values;
}

/// Of values that a float holds.
inline std::vector<ExactSum> sums_of(const Values& values) {
  std::vector<ExactSum> sums =
      no_sums(static_cast<std::int64_t>(values.size()));
  for (std::size_t i = 0; i < sums.size(); ++i) add_exactly(sums[i], values[i]);
  return sums;
}

inline double bfloat16_of(double value) {
  return double{from_bfloat16(to_bfloat16(static_cast<float>(value)))};
}

}  // namespace vae::engine
