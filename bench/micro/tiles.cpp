// What is done to a tile of 64 images by 64 channels besides its GEMM, on one
// thread and in the cache: epilogues, and packing (the cases order/...).
#include "engine/tile/tile_kernels.hpp"
#include "micro.hpp"

namespace micro {
namespace {

using namespace vae::engine::tile;
using vae::model::Activation;

constexpr std::int64_t kSide = 64, kElements = kSide * kSide;
constexpr TileSize kSize{kSide, kSide, kSide};

/// A tile's sides and vectors by column; values are of no matter.
template <class T>
struct Tiles {
  std::vector<float> y = numbers<float>(kElements), g = y;
  std::vector<T> x = numbers<T>(kElements), to = x;
  std::vector<float> a = numbers<float>(kSide), b = a;
  std::vector<float> sum = a, square = a;
};

/// `bytes`: read and written for an element, as if nothing were in the cache.
template <class T, class Body>
void add_case(const std::string& name, double bytes, Body body) {
  add(name + "/" + kPrecision<T>, [=](benchmark::State& state) {
    Tiles<T> tiles;
    for (auto _ : state) {
      body(tiles);
      benchmark::ClobberMemory();
    }
    set_bytes(state, bytes * kElements);
  })->Unit(benchmark::kNanosecond);
}

Affine affine_of(const auto& tiles) {
  return {tiles.a.data(), tiles.b.data(), Activation::leaky_relu};
}

constexpr double kFloat = sizeof(float);

void add_float_epilogues() {
  add_case<float>("tile/moments", kFloat, [](auto& t) {
    moments(t.y.data(), kSize, t.sum.data(), t.square.data());
  });
  add_case<float>("tile/activation_backward", 3 * kFloat, [](auto& t) {
    activation_backward(t.y.data(), kSize, affine_of(t), t.g.data());
  });
  add_case<float>("tile/norm_sums", 2 * kFloat, [](auto& t) {
    norm_sums(t.g.data(), t.y.data(), kSize, t.a.data(), t.b.data(),
              t.sum.data(), t.square.data());
  });
}

template <class T>
void add_epilogues() {
  constexpr double size = sizeof(T);
  add_case<T>("tile/apply", kFloat + size, [](auto& t) {
    apply(t.y.data(), kSize, affine_of(t), t.to.data());
  });
  add_case<T>("tile/output_backward", kFloat + 2 * size, [](auto& t) {
    output_backward(t.g.data(), t.x.data(), kSize, Activation::relu,
                    t.to.data());
  });
  add_case<T>("tile/norm_backward", 2 * kFloat + size, [](auto& t) {
    const float *a = t.a.data(), *b = t.b.data();
    norm_backward(t.g.data(), t.y.data(), kSize, {a, b, a, b, a}, t.to.data());
  });
  add_case<T>("tile/column_sums", size,
              [](auto& t) { column_sums(t.x.data(), kSize, t.sum.data()); });
}

template <class T>
void add_packing() {
  constexpr double size = sizeof(T);
  add_case<T>("order/transpose", 2 * size,
              [](auto& t) { transpose(t.x.data(), kSize, t.to.data()); });
  add_case<T>("order/pack", kFloat + size,
              [](auto& t) { pack(t.y.data(), kSide, kSide, t.to.data()); });
  add_case<T>("order/pack_transposed", kFloat + size, [](auto& t) {
    pack_transposed(t.y.data(), kSide, kSide, t.to.data());
  });
}

}  // namespace

void add_tiles() {
  add_float_epilogues();
  add_epilogues<float>();
  add_epilogues<Bf16>();
  add_packing<float>();
  add_packing<Bf16>();
  add_case<Bf16>("order/pair_rows", 2 * sizeof(Bf16),
                 [](auto& t) { pair_rows(t.x.data(), kSize, t.to.data()); });
}

}  // namespace micro
