// Products of small matrices, the one thing the tile engine lets LibTorch
// compute: its brgemm, whose kernels are made at run time for the processor at
// hand. The engine cuts everything into these.
#pragma once

#include <cstdint>
#include <string>

namespace vae::engine::tile {

/// bfloat16 by its bits.
using Bf16 = std::uint16_t;

/// C [m, n] = A [m, k] B [k, n], all row-major; ld: elements from row to row.
struct Product {
  std::int64_t m, n, k, lda, ldb, ldc;
};

/// C = A B, or C += A B if `add`. Serial. The same bits for the same numbers,
/// whatever the other rows of A hold.
void multiply(const Product& p, const float* a, const float* b, float* c,
              bool add);
/// The same on bfloat16, summed in float32. B is in pairs, [k / 2][n][2], and k
/// even: what the processor multiplies at once lies together. On a processor
/// that has no such products the numbers are widened to float32 first, which is
/// exact: the same result but for the order of the sums, only later.
void multiply(const Product& p, const Bf16* a, const Bf16* b, float* c,
              bool add);

/// Tells the processor that this thread has finished its products for now.
void finish_products();

/// Empty if these products work here; else the reason, as a sentence. A wrong
/// kind of kernel gives wrong numbers and no error, so one is tried out.
template <class T>
std::string why_no_products();

/// Empty if the processor multiplies bfloat16 itself; else why the products of
/// it are widened.
std::string why_widened();

}  // namespace vae::engine::tile
