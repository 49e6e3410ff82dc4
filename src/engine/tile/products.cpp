// See products.hpp.
#include "engine/tile/products.hpp"

#include <ATen/native/CPUBlas.h>

#include <cmath>
#include <exception>
#include <vector>

#include "engine/math/numbers.hpp"
#include "engine/tile/tile_kernels.hpp"

namespace vae::engine::tile {
namespace {

namespace blas = at::native::cpublas;

// a [m, k] row-major, b [k, n] packed -> c [m, n]
void multiply_native(const Product& p, const float* a, const float* b, float* c,
                     bool add) {
  blas::brgemm(p.m, p.n, p.k, p.lda, p.ldb, p.ldc, add, a, b, c, false);
}
void multiply_native(const Product& p, const Bf16* a, const Bf16* b, float* c,
                     bool add) {
  blas::brgemm(p.m, p.n, p.k, p.lda, p.ldb, p.ldc, add,
               reinterpret_cast<const at::BFloat16*>(a),
               reinterpret_cast<const at::BFloat16*>(b), c, true);
}

// The same without bfloat16 instructions: both matrices as float first.
void multiply_widened(const Product& p, const Bf16* a, const Bf16* b, float* c,
                      bool add) {
  // Of the thread, so that products after the first ones allocate nothing.
  thread_local std::vector<float> left, right;
  const auto at_least = [](std::vector<float>& side, std::int64_t count) {
    if (side.size() < static_cast<std::size_t>(count))
      side.resize(static_cast<std::size_t>(count));
    return side.data();
  };
  float *wide_a = at_least(left, p.m * p.k),
        *wide_b = at_least(right, p.k * p.n);
  widen(a, p.lda, {p.m, p.k, 0}, wide_a);
  unpack(b, p.ldb, {p.k, p.n, 0}, wide_b);
  multiply_native({p.m, p.n, p.k, p.k, p.n, p.ldc}, wide_a, wide_b, c, add);
}

// A product whose result is known: small whole numbers, exact in either type.
// c begins with ones and is added to, which tests that as well.
template <class T>
bool multiplies_right() {
  constexpr std::int64_t m = 5, n = 32, k = 16;
  std::vector<T> a(m * k), b(k * n);
  std::vector<float> c(m * n, 1.0f);
  const auto left = [](std::int64_t i) { return float(i % 7 - 3); };
  const auto right = [](std::int64_t i) { return float(i % 5 - 2); };
  for (std::int64_t i = 0; i < m * k; ++i)
    write_number(&a[static_cast<std::size_t>(i)], left(i));
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      write_number(&b[static_cast<std::size_t>(packed_index<T>(i, j, n))],
                   right(i * n + j));
  multiply_native({m, n, k, k, n, n}, a.data(), b.data(), c.data(), true);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      float sum = 1.0f;
      for (std::int64_t l = 0; l < k; ++l)
        sum += left(i * k + l) * right(l * n + j);
      if (c[static_cast<std::size_t>(i * n + j)] != sum) return false;
    }
  return true;
}

template <class T>
std::string self_test() {
  try {
    const bool right = multiplies_right<T>();
    finish_products();
    return right ? "" : "LibTorch's brgemm gives wrong numbers here";
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return "LibTorch's brgemm does not run here: " +
           text.substr(0, text.find('\n'));
  }
}

// Once per process: the answer depends on the processor alone.
template <class T>
const std::string& why_not_native() {
  static const std::string answer = self_test<T>();
  return answer;
}

}  // namespace

// a [m, k], b [k, n] -> c [m, n]
void multiply(const Product& p, const float* a, const float* b, float* c,
              bool add) {
  multiply_native(p, a, b, c, add);
}

void multiply(const Product& p, const Bf16* a, const Bf16* b, float* c,
              bool add) {
  if (why_not_native<Bf16>().empty())
    multiply_native(p, a, b, c, add);
  else
    multiply_widened(p, a, b, c, add);
}

// Otherwise the state of AMX's tiles stays with the thread.
void finish_products() { blas::brgemm_release(true); }

std::string why_widened() { return why_not_native<Bf16>(); }

template <>
std::string why_no_products<float>() {
  return why_not_native<float>();
}
template <>
std::string why_no_products<Bf16>() {
  // Widened products need those of float.
  return why_widened().empty() ? "" : why_not_native<float>();
}

}  // namespace vae::engine::tile
