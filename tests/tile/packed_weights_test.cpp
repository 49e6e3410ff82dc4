// Weights packed as right operands of GEMMs: equal to their definition, and
// packed again if and only if the parameters have changed.
#include <doctest/doctest.h>

#include "engine/tile/tiled_layer.hpp"
#include "tile/parts.hpp"

namespace vae::engine::tile {
namespace {

/// Blocks of channels, a code of odd length on either side, a first layer that
/// has no backward; with gaps.
const std::vector<Weight> kWeights{{0, 3, 16, 32, false},
                                   {1600, 5, 64, 16, true},
                                   {6784, 1, 16, 5, true},
                                   {6912, 2, 5, 32, true}};
constexpr std::int64_t kFloats = 7232;

template <class T>
struct Fixture {
  Fixture() : device(make_cpu_device(1)), weights(*device, kWeights) {
    change(1);
    weights.attach(params.data());
  }
  /// Other numbers at the same address.
  void change(std::uint32_t seed) {
    const auto values = whole_numbers(kFloats, seed, 1000);
    for (std::size_t i = 0; i < values.size(); ++i)
      params[i] = values[i] / 7;  // not exact in bfloat16
  }

  const std::unique_ptr<Device> device;
  Team team{3};
  std::vector<float> params = std::vector<float>(index(kFloats));
  PackedWeights<T> weights;
};

/// How many elements of all right sides are not those of `params`.
template <class T>
std::int64_t wrong(const PackedWeights<T>& weights,
                   const std::vector<float>& params, bool backward) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < kWeights.size(); ++i) {
    const Weight& w = kWeights[i];
    if (backward && !w.backward) continue;
    // Of the right side; the other way round for the transpose.
    const std::int64_t rows = backward ? w.columns : w.rows;
    const std::int64_t columns = backward ? w.rows : w.columns;
    for (std::int64_t tile = 0; tile < w.tiles; ++tile) {
      const T* got = backward ? weights.backward(static_cast<int>(i), tile)
                              : weights.forward(static_cast<int>(i), tile);
      const float* from = params.data() + w.offset + tile * w.rows * w.columns;
      for (std::int64_t r = 0; r < depth<T>(rows); ++r)
        for (std::int64_t c = 0; c < columns; ++c) {
          const float value = r >= rows  ? 0.0f
                              : backward ? from[c * w.columns + r]
                                         : from[r * w.columns + c];
          count += got[right_place<T>(r, c, columns)] != number<T>(value);
        }
    }
  }
  return count;
}

}  // namespace

TEST_CASE_TEMPLATE("right sides equal their definition", T, float, Bf16) {
  Fixture<T> f;
  f.weights.refresh(f.team, true);
  CHECK_EQ(wrong(f.weights, f.params, false), 0);
  CHECK_EQ(wrong(f.weights, f.params, true), 0);
  for (std::size_t i = 0; i < kWeights.size(); ++i)
    CHECK_EQ(f.weights.weight(static_cast<int>(i)).offset, kWeights[i].offset);
}

TEST_CASE("float's forward tiles are the parameters themselves") {
  Fixture<float> f;
  CHECK_EQ(f.weights.forward(1, 2), f.params.data() + 1600 + 2 * 64 * 16);
  CHECK_EQ(f.weights.forward(3, 1), f.params.data() + 6912 + 5 * 32);
}

TEST_CASE_TEMPLATE("what is not stale is left alone", T, float, Bf16) {
  Fixture<T> f;
  f.weights.refresh(f.team, true);
  const std::vector<float> old = f.params;
  f.change(2);  // without params_changed()
  for (const bool backward : {false, true}) {
    f.weights.refresh(f.team, backward);
    CHECK_EQ(wrong(f.weights, old, true), 0);
    if (sizeof(T) != sizeof(float)) CHECK_EQ(wrong(f.weights, old, false), 0);
  }
  f.weights.invalidate();
  f.weights.refresh(f.team, true);
  CHECK_EQ(wrong(f.weights, f.params, false), 0);
  CHECK_EQ(wrong(f.weights, f.params, true), 0);
  CHECK_GT(wrong(f.weights, old, true), 0);
}

TEST_CASE_TEMPLATE("a forward pass refreshes its own right sides only", T,
                   float, Bf16) {
  Fixture<T> f;
  f.weights.refresh(f.team, true);
  const std::vector<float> first = f.params;
  f.change(2);
  f.weights.invalidate();
  f.weights.refresh(f.team, false);
  CHECK_EQ(wrong(f.weights, f.params, false), 0);
  CHECK_EQ(wrong(f.weights, first, true), 0);  // not wanted yet
  const std::vector<float> second = f.params;
  f.change(
      3);  // without params_changed(), but the backward ones are still stale
  f.weights.refresh(f.team, true);
  CHECK_EQ(wrong(f.weights, f.params, true), 0);
  if (sizeof(T) != sizeof(float)) CHECK_EQ(wrong(f.weights, second, false), 0);
}

TEST_CASE_TEMPLATE("other parameters are read from then on", T, float, Bf16) {
  Fixture<T> f;
  f.weights.refresh(f.team, true);
  std::vector<float> other = whole_numbers(kFloats, 9, 100);
  f.weights.attach(other.data());
  f.weights.refresh(f.team, true);
  CHECK_EQ(wrong(f.weights, other, false), 0);
  CHECK_EQ(wrong(f.weights, other, true), 0);
}

}  // namespace vae::engine::tile
