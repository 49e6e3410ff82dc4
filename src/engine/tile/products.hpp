// Small dense GEMMs, the one thing that the tile engine leaves to LibTorch: its
// brgemm generates kernels for the processor at run time. All of the engine's
// matrix arithmetic is in these functions.
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

/// Where row k, column n of B [k, n] lies: row-major in float, in pairs of rows
/// [k / 2][n][2] in bfloat16 (the layout that AMX and AVX-512 instructions
/// read, called VNNI).
template <class T>
[[gnu::always_inline]] constexpr std::int64_t packed_index(
    std::int64_t k, std::int64_t n, std::int64_t columns) {
  return sizeof(T) == sizeof(float) ? k * columns + n
                                    : (k / 2 * columns + n) * 2 + k % 2;
}

/// C = A B, or C += A B if `add`. Serial. A row of C depends on the same row of
/// A only: the same bits, whatever the other rows hold.
void multiply(const Product& p, const float* a, const float* b, float* c,
              bool add);
/// The same on bfloat16, summed in float32. B is in pairs, [k / 2][n][2], and k
/// even. A processor without bfloat16 products gets numbers widened to float32.
/// That is exact up to summation order, but slower.
void multiply(const Product& p, const Bf16* a, const Bf16* b, float* c,
              bool add);

/// Releases what brgemm holds of the processor for this thread (AMX tiles).
void finish_products();

/// Empty if these products work here; else the reason, as a sentence. brgemm
/// can silently return wrong results on an unsupported CPU, so this runs a
/// self-test.
template <class T>
std::string why_no_products();

/// Empty if the processor multiplies bfloat16 itself; else why the products of
/// it are widened.
std::string why_widened();

}  // namespace vae::engine::tile
