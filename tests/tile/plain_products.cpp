// The GEMMs of the tile engine by plain loops instead of LibTorch's, to test
// bfloat16 on processors without support for it.
#include "tile/plain_products.hpp"

#include <atomic>

#include "engine/math/numbers.hpp"
#include "engine/tile/products.hpp"

namespace vae::engine::tile {
namespace {

std::atomic<bool> used{false};

/// Where row l, column j of B lies.
std::int64_t place(const float*, std::int64_t l, std::int64_t j,
                   std::int64_t ld) {
  return l * ld + j;
}
std::int64_t place(const Bf16*, std::int64_t l, std::int64_t j,
                   std::int64_t ld) {
  return (l / 2 * ld + j) * 2 + l % 2;
}

template <class T>
void multiply_plainly(const Product& p, const T* a, const T* b, float* c,
                      bool add) {
  used.store(true, std::memory_order_relaxed);
  for (std::int64_t i = 0; i < p.m; ++i) {
    float* row = c + i * p.ldc;
    for (std::int64_t j = 0; j < p.n && !add; ++j) row[j] = 0;
    for (std::int64_t l = 0; l < p.k; ++l) {
      const float left = read_number(a[i * p.lda + l]);
      for (std::int64_t j = 0; j < p.n; ++j)
        row[j] += left * read_number(b[place(b, l, j, p.ldb)]);
    }
  }
}

}  // namespace

bool plain_products_used() { return used; }

void multiply(const Product& p, const float* a, const float* b, float* c,
              bool add) {
  multiply_plainly(p, a, b, c, add);
}
void multiply(const Product& p, const Bf16* a, const Bf16* b, float* c,
              bool add) {
  multiply_plainly(p, a, b, c, add);
}

void finish_products() {}

std::string why_widened() { return {}; }

template <class T>
std::string why_no_products() {
  return {};
}
template std::string why_no_products<float>();
template std::string why_no_products<Bf16>();

}  // namespace vae::engine::tile
