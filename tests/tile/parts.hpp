// For the tests of the tile engine's parts: small integers, whose sums are
// exact in every type and order, and memory that detects every write.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/math/numbers.hpp"
#include "engine/tile/products.hpp"

namespace vae::engine::tile {

constexpr std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

template <class T>
T number(float value) {
  T made;
  write_number(&made, value);
  return made;
}

/// Without order, in [-most, most].
template <class T = float>
std::vector<T> whole_numbers(std::int64_t count, std::uint32_t seed,
                             int most = 3) {
  std::vector<T> values;
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    const auto draw = static_cast<int>(
        (state >> 16) % static_cast<std::uint32_t>(2 * most + 1));
    values.push_back(number<T>(static_cast<float>(draw - most)));
  }
  return values;
}

/// A value that no function here writes.
template <class T>
T untouched() {
  return number<T>(12288.0f);
}

/// `count` elements that are untouched, and more of them on both sides.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::int64_t count)
      : memory_(index(count) + 2 * kEdge, untouched<T>()) {}
  T* data() { return memory_.data() + kEdge; }
  T& operator[](std::int64_t i) { return memory_[kEdge + index(i)]; }

  /// Where the elements are not `expected`, or something around them was
  /// written; empty if nowhere.
  std::string differs(const std::vector<T>& expected) const {
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      const bool inside = i >= kEdge && i - kEdge < expected.size();
      const T want = inside ? expected[i - kEdge] : untouched<T>();
      if (read_number(memory_[i]) == read_number(want)) continue;
      return "element " +
             std::to_string(static_cast<std::int64_t>(i) -
                            static_cast<std::int64_t>(kEdge)) +
             ": expected " + std::to_string(read_number(want)) + ", got " +
             std::to_string(read_number(memory_[i]));
    }
    return {};
  }

 private:
  static constexpr std::size_t kEdge = 80;
  std::vector<T> memory_;
};

/// Where row r, column c of a product's right side lies.
template <class T>
std::int64_t right_place(std::int64_t r, std::int64_t c, std::int64_t columns) {
  return sizeof(T) == sizeof(float) ? r * columns + c
                                    : (r / 2 * columns + c) * 2 + r % 2;
}

/// Whether products of T can be tested here; says why not.
template <class T>
bool multiplies_here() {
  const std::string why = why_no_products<T>();
  if (!why.empty()) MESSAGE("skipped: ", why);
  return why.empty();
}

}  // namespace vae::engine::tile
