// The product that everything in the tile engine is cut into, by the number of
// rows, which is that of images, and by the sides that the network has. Its
// operands stay in the cache.
#include "micro.hpp"

namespace micro {
namespace {

namespace tile = vae::engine::tile;

template <class T>
void product(benchmark::State& state, const tile::Product& p) {
  if (!can_multiply<T>(state)) return;
  const std::vector<T> a = numbers<T>(p.m * p.k), b = numbers<T>(p.k * p.n);
  std::vector<float> c(static_cast<std::size_t>(p.m * p.n));
  bool add = false;
  for (auto _ : state) {
    multiply(p, a.data(), b.data(), c.data(), add);
    benchmark::ClobberMemory();
    add = true;
  }
  tile::finish_products();
  set_flop(state, 2.0 * static_cast<double>(p.m * p.n * p.k));
}

template <class T>
void add_type() {
  struct Sides {
    std::int64_t n, k;
  };
  // Of the inner layers, the first, the last and the code's.
  const Sides sides[] = {{64, 64}, {64, 16}, {16, 64}, {32, 64}};
  for (const auto& [n, k] : sides)
    for (const std::int64_t m : {1, 2, 4, 8, 16, 32, 64}) {
      const tile::Product p{m, n, k, k, n, n};
      add(std::string("product/") + kPrecision<T> + "/m:" + std::to_string(m) +
              "/n:" + std::to_string(n) + "/k:" + std::to_string(k),
          [=](benchmark::State& state) { product<T>(state, p); })
          ->Unit(benchmark::kNanosecond);
    }
}

}  // namespace

void add_products() {
  add_type<float>();
  add_type<tile::Bf16>();
}

}  // namespace micro
