// For the tests of the CPU device: reproducible numbers, and the same work with
// several numbers of threads.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <vector>

#include "engine/operations.hpp"

namespace vae::engine {

inline constexpr std::int64_t kRows = 11, kLatent = 5;
inline const model::Extent kImage{2, 3, 7};
inline const std::int64_t kPixels = kImage.size();

inline std::vector<float> normals(std::int64_t count, std::uint64_t seed) {
  std::vector<float> out(static_cast<std::size_t>(count));
  make_cpu_device(1)->operations().normals(
      {{seed, Stream::eval, 0}, nullptr, 0, 1, count, 1.0f, out.data()});
  return out;
}

inline std::vector<float> zeros(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count));
}

/// The result of `work` with one thread; checks the same bits with 2 and 5.
inline std::vector<float> on_any_threads(
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

inline void append(std::vector<float>& to, const std::vector<float>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace vae::engine
