// Products of small matrices against three plain loops: exact for integers, in
// every shape that the engine uses; nothing outside of C is written.
#include "engine/tile/products.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "tile/parts.hpp"

namespace vae::engine::tile {
namespace {

/// What C must be, where nothing beside the product is written. Without B's
/// order: b is [k][n].
std::vector<float> product_of(const Product& p, const std::vector<float>& a,
                              const std::vector<float>& b,
                              const std::vector<float>& before) {
  std::vector<float> c = before;
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j)
      for (std::int64_t l = 0; l < p.k; ++l)
        c[index(i * p.ldc + j)] +=
            a[index(i * p.lda + l)] * b[index(l * p.n + j)];
  return c;
}

template <class T>
std::vector<T> rounded(const std::vector<float>& from) {
  std::vector<T> to;
  for (const float value : from) to.push_back(number<T>(value));
  return to;
}
template <class T>
std::vector<T> right(const std::vector<float>& b, std::int64_t k,
                     std::int64_t n) {
  std::vector<T> to(b.size());
  for (std::int64_t l = 0; l < k; ++l)
    for (std::int64_t j = 0; j < n; ++j)
      to[index(right_place<T>(l, j, n))] = number<T>(b[index(l * n + j)]);
  return to;
}

/// Rows of C: [m][n], and what lies between them.
std::vector<float> result_before(const Product& p, bool add) {
  std::vector<float> c(index(p.m * p.ldc), untouched<float>());
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j)
      c[index(i * p.ldc + j)] = add ? static_cast<float>((i + j) % 5 - 2) : 0;
  return c;
}

template <class T>
void check_product(const Product& p) {
  CAPTURE(p.m);
  CAPTURE(p.n);
  CAPTURE(p.k);
  CAPTURE(p.lda);
  CAPTURE(p.ldc);
  const auto a = whole_numbers(p.m * p.lda, 1, 4);
  const auto b = whole_numbers(p.k * p.n, 2, 4);
  const auto left = rounded<T>(a);
  const auto packed = right<T>(b, p.k, p.n);
  for (const bool add : {false, true}) {
    CAPTURE(add);
    const auto before = result_before(p, add);
    Guarded<float> c(p.m * p.ldc);
    if (add) std::copy(before.begin(), before.end(), c.data());
    multiply(p, left.data(), packed.data(), c.data(), add);
    CHECK_EQ(c.differs(product_of(p, a, b, before)), "");
  }
}

}  // namespace

TEST_CASE_TEMPLATE("every shape of the engine's products", T, float, Bf16) {
  if (!multiplies_here<T>()) return;
  for (const std::int64_t m : {1, 2, 3, 5, 16, 31, 48, 63, 64})
    for (const std::int64_t n : {16, 32, 48, 64, 5, 1})
      for (const std::int64_t k : {2, 6, 16, 32, 64})
        check_product<T>({m, n, k, k, n, n});
  finish_products();
}

TEST_CASE("float's k may be odd") {
  if (!multiplies_here<float>()) return;
  for (const std::int64_t m : {1, 5, 64})
    for (const std::int64_t n : {5, 16, 64})
      for (const std::int64_t k : {1, 5, 9, 63})
        check_product<float>({m, n, k, k, n, n});
  finish_products();
}

TEST_CASE_TEMPLATE("rows further apart than they are long", T, float, Bf16) {
  if (!multiplies_here<T>()) return;
  for (const std::int64_t k : {2, 10, 64})
    for (const std::int64_t gap : {2, 54}) {
      check_product<T>({16, 32, k, k + gap, 32, 32});
      check_product<T>({5, 16, k, k + gap, 16, 16 + gap});
    }
  finish_products();
}

TEST_CASE_TEMPLATE("a row's bits do not depend on the other rows", T, float,
                   Bf16) {
  if (!multiplies_here<T>()) return;
  const Product p{5, 32, 64, 64, 32, 32};
  auto values = whole_numbers(p.m * p.k, 3, 1000);
  for (float& value : values) value /= 7;
  auto b = whole_numbers(p.k * p.n, 4, 1000);
  for (float& value : b) value /= 11;
  const auto packed = right<T>(b, p.k, p.n);
  std::vector<float> c(index(p.m * p.n)), other(c);
  multiply(p, rounded<T>(values).data(), packed.data(), c.data(), false);
  for (std::int64_t i = 0; i < p.m; ++i)
    if (i != 2)
      for (std::int64_t l = 0; l < p.k; ++l)
        values[index(i * p.k + l)] = i == 4 ? NAN : -3.0f;
  multiply(p, rounded<T>(values).data(), packed.data(), other.data(), false);
  for (std::int64_t j = 0; j < p.n; ++j)
    CHECK_EQ(c[index(2 * p.n + j)], other[index(2 * p.n + j)]);
  CHECK(std::isnan(other[index(4 * p.n)]));
  finish_products();
}

TEST_CASE_TEMPLATE("without accumulation, C is not read", T, float, Bf16) {
  if (!multiplies_here<T>()) return;
  const Product p{3, 16, 16, 16, 16, 16};
  const std::vector<T> a(48, number<T>(1)), b(256, number<T>(2));
  std::vector<float> c(48, NAN);
  multiply(p, a.data(), b.data(), c.data(), false);
  CHECK(c == std::vector<float>(48, 32.0f));
  finish_products();
}

TEST_CASE_TEMPLATE("many threads multiply, and finish, at once", T, float,
                   Bf16) {
  if (!multiplies_here<T>()) return;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([] {
      for (const std::int64_t m : {7, 64, 33, 5}) {
        check_product<T>({m, 32, 16, 16, 32, 32});
        finish_products();
        finish_products();
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("bfloat16 multiplies wherever float does") {
  if (!multiplies_here<float>()) return;
  CHECK_EQ(why_no_products<Bf16>(), "");
}

TEST_CASE("products that do not work give a reason") {
  for (const std::string& why :
       {why_no_products<float>(), why_no_products<Bf16>()}) {
    CAPTURE(why);
    const bool sentence = why.starts_with("LibTorch's brgemm");
    CHECK((why.empty() || sentence));
    CHECK_EQ(why.find('\n'), std::string::npos);
  }
  CHECK_EQ(why_no_products<Bf16>(), why_no_products<Bf16>());
}

}  // namespace vae::engine::tile
