// What is done to one tile on one thread and in the cache: the GEMM by the
// number of rows, which is that of images, and by the sides that the network
// has (product/...); epilogues (tile/...); packing (order/...).
#include "engine/tile/tile_kernels.hpp"
#include "micro.hpp"

namespace micro {
namespace {

using namespace vae::engine::tile;
using vae::model::Activation;

template <class T>
void product(benchmark::State& state, const Product& p) {
  if (!can_multiply<T>(state)) return;
  const std::vector<T> a = numbers<T>(p.m * p.k), b = numbers<T>(p.k * p.n);
  std::vector<float> c(static_cast<std::size_t>(p.m * p.n));
  bool add = false;
  for (auto _ : state) {
    multiply(p, a.data(), b.data(), c.data(), add);
    benchmark::ClobberMemory();
    add = true;
  }
  finish_products();
  set_rate(state, kFlop, 2.0 * static_cast<double>(p.m * p.n * p.k));
}

template <class T>
void add_products() {
  // n and k of the inner layers, the first, the last and the latent ones.
  const std::pair<int, int> sides[] = {{64, 64}, {64, 16}, {16, 64}, {32, 64}};
  for (const auto& [n, k] : sides)
    for (const std::int64_t m : {1, 2, 4, 8, 16, 32, 64}) {
      const Product p{m, n, k, k, n, n};
      add(std::string("product/") + kPrecision<T> + "/m:" + std::to_string(m) +
              "/n:" + std::to_string(n) + "/k:" + std::to_string(k),
          [=](benchmark::State& state) { product<T>(state, p); })
          ->Unit(benchmark::kNanosecond);
    }
}

constexpr std::int64_t kSide = 64, kElements = kSide * kSide;
constexpr TileSize kSize{kSide, kSide, kSide};
constexpr double kFloat = sizeof(float);

/// A tile's inputs, outputs and vectors by column; values do not matter.
template <class T>
struct Tiles {
  std::vector<float> y = numbers<float>(kElements), g = y;
  std::vector<T> x = numbers<T>(kElements), to = x;
  std::vector<float> a = numbers<float>(kSide), b = a;
  std::vector<float> sum = a, square = a;
  Affine affine{a.data(), b.data(), Activation::leaky_relu};
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
    set_rate(state, kBytes, bytes * kElements);
  })->Unit(benchmark::kNanosecond);
}

void add_float_epilogues() {
  add_case<float>("tile/moments", kFloat, [](auto& t) {
    moments(t.y.data(), kSize, t.sum.data(), t.square.data());
  });
  add_case<float>("tile/activation_backward", 3 * kFloat, [](auto& t) {
    activation_backward(t.y.data(), kSize, t.affine, t.g.data());
  });
  add_case<float>("tile/norm_sums", 2 * kFloat, [](auto& t) {
    norm_sums(t.g.data(), t.y.data(), kSize, t.a.data(), t.b.data(),
              t.sum.data(), t.square.data());
  });
}

template <class T>
void add_type() {
  constexpr double size = sizeof(T);
  add_products<T>();
  add_case<T>("tile/apply", kFloat + size,
              [](auto& t) { apply(t.y.data(), kSize, t.affine, t.to.data()); });
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
  add_type<float>();
  add_type<Bf16>();
  add_case<Bf16>("order/pair_rows", 2 * sizeof(Bf16),
                 [](auto& t) { pair_rows(t.x.data(), kSize, t.to.data()); });
}

}  // namespace micro
