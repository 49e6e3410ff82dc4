// Packing: the same numbers in other orders, against plain loops; no other
// memory is written.
#include <doctest/doctest.h>

#include "engine/tile/tile_kernels.hpp"
#include "tile/parts.hpp"

namespace vae::engine::tile {
namespace {

constexpr std::int64_t kRows[]{1, 2, 5, 63, 64};
constexpr std::int64_t kColumns[]{16, 32, 48, 64};

std::int64_t even_rows(std::int64_t rows) { return rows + rows % 2; }

/// Numbers that are all different, exact in float; rounded in bfloat16.
std::vector<float> numbered(std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(i - count / 3) + 0.25f);
  return values;
}
/// All different in either type.
template <class T>
std::vector<T> all_different(std::int64_t count) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(sizeof(T) == sizeof(float) ? static_cast<T>(i - 700)
                                                : static_cast<T>(0x3000 + i));
  return values;
}

template <class T>
std::vector<T> none(std::int64_t count) {
  return std::vector<T>(index(count), untouched<T>());
}

/// The right side of a product from element(row, column).
template <class T, class Element>
std::vector<T> right_side(std::int64_t rows, std::int64_t columns,
                          Element element) {
  const std::int64_t all = sizeof(T) == sizeof(float) ? rows : even_rows(rows);
  std::vector<T> made(index(all * columns));  // zeros
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      made[index(right_place<T>(r, c, columns))] = element(r, c);
  return made;
}

}  // namespace

TEST_CASE("widened: a left side with any step") {
  for (const std::int64_t rows : kRows)
    for (const std::int64_t columns : {2, 16, 37, 64})
      for (const std::int64_t gap : {0, 3}) {
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(gap);
        const std::int64_t step = columns + gap;
        const auto x = all_different<Bf16>(rows * step);
        std::vector<float> expected;
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t c = 0; c < columns; ++c)
            expected.push_back(read_number(x[index(r * step + c)]));
        Guarded<float> to(rows * columns);
        widen(x.data(), step, {rows, columns, 0}, to.data());
        CHECK_EQ(to.differs(expected), "");
      }
}

TEST_CASE("unpacked: the matrix that was packed, rounded") {
  for (const std::int64_t rows : {2, 6, 64})
    for (const std::int64_t columns : {1, 5, 16, 64}) {
      CAPTURE(rows);
      CAPTURE(columns);
      const auto x = numbered(rows * columns);
      std::vector<Bf16> packed(index(rows * columns));
      pack(x.data(), rows, columns, packed.data());
      std::vector<float> expected;
      for (const float value : x)
        expected.push_back(read_number(number<Bf16>(value)));
      Guarded<float> to(rows * columns);
      unpack(packed.data(), columns, {rows, columns, 0}, to.data());
      CHECK_EQ(to.differs(expected), "");
      // Half of the columns, the others skipped.
      if (columns % 2 != 0) continue;
      std::vector<float> half;
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < columns / 2; ++c)
          half.push_back(expected[index(r * columns + c)]);
      Guarded<float> some(rows * columns / 2);
      unpack(packed.data(), columns, {rows, columns / 2, 0}, some.data());
      CHECK_EQ(some.differs(half), "");
    }
}

TEST_CASE_TEMPLATE("transposed: columns of any capacity, odd rows end in zero",
                   T, float, Bf16) {
  for (const std::int64_t rows : kRows)
    for (const std::int64_t columns : kColumns)
      for (const std::int64_t capacity : {even_rows(rows), std::int64_t{64}}) {
        CAPTURE(rows);
        CAPTURE(columns);
        CAPTURE(capacity);
        const auto x = all_different<T>(rows * columns);
        auto expected = none<T>(columns * capacity);
        for (std::int64_t c = 0; c < columns; ++c) {
          for (std::int64_t r = 0; r < rows; ++r)
            expected[index(c * capacity + r)] = x[index(r * columns + c)];
          if (rows % 2 != 0) expected[index(c * capacity + rows)] = T{};
        }
        Guarded<T> to(columns * capacity);
        transpose(x.data(), {rows, columns, capacity}, to.data());
        CHECK_EQ(to.differs(expected), "");
      }
}

TEST_CASE("pairs of rows, an odd one with zeros") {
  for (const std::int64_t rows : kRows)
    for (const std::int64_t columns : {5, 16, 32, 48, 64}) {
      CAPTURE(rows);
      CAPTURE(columns);
      const auto x = all_different<Bf16>(rows * columns);
      Guarded<Bf16> to(even_rows(rows) * columns);
      pair_rows(x.data(), {rows, columns, 64}, to.data());
      CHECK_EQ(to.differs(right_side<Bf16>(rows, columns,
                                           [&](std::int64_t r, std::int64_t c) {
                                             return x[index(r * columns + c)];
                                           })),
               "");
    }
}

TEST_CASE_TEMPLATE("packed: a right side from a matrix or its transpose", T,
                   float, Bf16) {
  for (const std::int64_t rows : {1, 2, 5, 16, 33, 48, 63, 64})
    for (const std::int64_t columns : {1, 5, 16, 32, 48, 64}) {
      CAPTURE(rows);
      CAPTURE(columns);
      const auto from = numbered(rows * columns);
      const std::int64_t size =
          (sizeof(T) == sizeof(float) ? rows : even_rows(rows)) * columns;
      Guarded<T> plain(size), across(size);
      pack(from.data(), rows, columns, plain.data());
      CHECK_EQ(plain.differs(right_side<T>(rows, columns,
                                           [&](std::int64_t r, std::int64_t c) {
                                             return number<T>(
                                                 from[index(r * columns + c)]);
                                           })),
               "");
      pack_transposed(from.data(), rows, columns, across.data());
      CHECK_EQ(across.differs(
                   right_side<T>(rows, columns,
                                 [&](std::int64_t r, std::int64_t c) {
                                   return number<T>(from[index(c * rows + r)]);
                                 })),
               "");
    }
}

TEST_CASE("packing rounds to the nearest bfloat16") {
  const float from[]{1.00390625f, 1.01171875f, -3.0000001f, 0.1f};
  Bf16 to[4];
  pack(from, 2, 2, to);
  // Row pairs: first column's two, then the second's. Ties go to even.
  CHECK_EQ(to[0], 0x3F80);
  CHECK_EQ(to[1], 0xC040);
  CHECK_EQ(to[2], 0x3F82);
  CHECK_EQ(to[3], 0x3DCD);
}

}  // namespace vae::engine::tile
