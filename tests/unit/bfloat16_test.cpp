// bfloat16: every one of its values, and rounding against a search for the
// nearer of two neighbours, with ties, subnormals, infinity and NaN.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "engine/math/numbers.hpp"

namespace vae::engine {
namespace {

constexpr std::uint32_t kAll = 65536;

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }

bool is_nan(std::uint32_t bfloat) { return (bfloat & 0x7FFFu) > 0x7F80u; }

/// The magnitude of a bfloat16; infinity is 2^128, the value that rounds to it.
double magnitude(std::uint32_t bfloat) {
  if ((bfloat & 0x7FFFu) == 0x7F80u) return 0x1p128;
  return std::abs(double{float_of(bfloat << 16)});
}

/// To nearest, ties to even, by looking at both neighbours. Not for NaN.
std::uint32_t nearest(std::uint32_t float_bits) {
  const std::uint32_t low = float_bits >> 16;
  const double value = std::abs(double{float_of(float_bits)});
  if (value == magnitude(low) || (low & 0x7FFFu) == 0x7F80u) return low;
  const double below = value - magnitude(low);
  const double above = magnitude(low + 1) - value;
  if (below == above) return (low & 1u) == 0 ? low : low + 1;
  return below < above ? low : low + 1;
}

TEST_CASE("every bfloat16 round-trips through float") {
  for (std::uint32_t b = 0; b < kAll; ++b) {
    const auto bits = static_cast<std::uint16_t>(b);
    const float value = from_bfloat16(bits);
    if (is_nan(b)) {
      CHECK(std::isnan(value));
      CHECK(std::isnan(from_bfloat16(to_bfloat16(value))));
    } else if (to_bfloat16(value) != bits) {
      FAIL_CHECK(b, " came back as ", to_bfloat16(value));
    }
  }
}

TEST_CASE("a float becomes the nearest bfloat16, of two the even one") {
  // Around each value: itself, its neighbours in float, and those of the tie.
  constexpr std::uint32_t kBetween[]{0,      1,      2,      0x7FFE, 0x7FFF,
                                     0x8000, 0x8001, 0x8002, 0xFFFE, 0xFFFF};
  int ties_up = 0, ties_down = 0;
  for (std::uint32_t b = 0; b < kAll; ++b) {
    if ((b & 0x7FFFu) >= 0x7F80u) continue;  // infinity and NaN: below
    for (const std::uint32_t between : kBetween) {
      const std::uint32_t bits = b << 16 | between;
      const std::uint32_t got = to_bfloat16(float_of(bits));
      if (got != nearest(bits)) FAIL_CHECK(bits, " became ", got);
      if (between == 0x8000u) (got == b ? ties_down : ties_up) += 1;
    }
  }
  CHECK_EQ(ties_up, ties_down);
  CHECK_EQ(ties_up, 0x7F80);
}

TEST_CASE("bfloat16 at the ends of its range") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK_EQ(to_bfloat16(kInfinity), 0x7F80);
  CHECK_EQ(to_bfloat16(-kInfinity), 0xFF80);
  CHECK_EQ(to_bfloat16(std::numeric_limits<float>::max()), 0x7F80);
  CHECK_EQ(to_bfloat16(0x1.FEp127f), 0x7F7F);      // the largest
  CHECK_EQ(to_bfloat16(0x1.FEFFFEp127f), 0x7F7F);  // just below the tie
  CHECK_EQ(to_bfloat16(0x1.FFp127f), 0x7F80);      // the tie: 2^128 is even
  CHECK_EQ(to_bfloat16(0.0f), 0);
  CHECK_EQ(to_bfloat16(-0.0f), 0x8000);
  CHECK_EQ(to_bfloat16(0x1p-133f), 1);              // the smallest
  CHECK_EQ(to_bfloat16(0x1p-134f), 0);              // the tie: 0 is even
  CHECK_EQ(to_bfloat16(float_of(0x00008001u)), 1);  // just above it
  CHECK_EQ(to_bfloat16(float_of(1u)), 0);
}

TEST_CASE("NaN stays NaN, whatever its bits") {
  // A carry out of the last bit would turn NaN into infinity or minus zero.
  for (const std::uint32_t bits : {0x7F800001u, 0x7FC00000u, 0x7F80FFFFu,
                                   0x7FFFFFFFu, 0xFF800001u, 0xFFFFFFFFu})
    CHECK(is_nan(to_bfloat16(float_of(bits))));
}

TEST_CASE("numbers are read and written in their own type") {
  float single = 0;
  write_number(&single, 1.00390625f);
  CHECK_EQ(read_number(single), 1.00390625f);
  std::uint16_t half = 0;
  write_number(&half, 1.00390625f);  // a tie between 1 and 1.0078125
  CHECK_EQ(read_number(half), 1.0f);
}

}  // namespace
}  // namespace vae::engine
