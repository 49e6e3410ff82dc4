// The epilogues of a tile against plain loops in double: exact if the numbers
// are, otherwise within the rounding of a sum; no other memory is written.
#include <doctest/doctest.h>

#include <cmath>

#include "engine/tile/tile_kernels.hpp"
#include "tile/parts.hpp"

namespace vae::engine::tile {
namespace {

using model::Activation;

constexpr Activation kActivations[]{Activation::none, Activation::relu,
                                    Activation::leaky_relu};

/// body(size) for all of them; canaries show rows beyond `rows`.
template <class Body>
void each_size(Body body) {
  for (const std::int64_t rows : {1, 2, 5, 63, 64})
    for (const std::int64_t columns : {16, 32, 48, 64}) {
      CAPTURE(rows);
      CAPTURE(columns);
      body(TileSize{rows, columns, 64});
    }
}
std::int64_t elements(TileSize size) { return size.rows * size.columns; }

/// As the definitions in PyTorch have it; slope and product in float.
float activated(float x, Activation kind) {
  const auto slope = static_cast<float>(model::kLeakySlope);
  if (kind == Activation::none || x > 0) return x;
  return kind == Activation::relu ? 0.0f : x * slope;
}
float slope_at(float x, Activation kind) {
  if (kind == Activation::none || x > 0) return 1.0f;
  return kind == Activation::relu ? 0.0f
                                  : static_cast<float>(model::kLeakySlope);
}

/// A value of each column: a power of two, so that nothing is rounded.
std::vector<float> powers(std::int64_t columns) {
  std::vector<float> values;
  for (std::int64_t c = 0; c < columns; ++c)
    values.push_back(
        std::ldexp(c % 5 == 3 ? -1.0f : 1.0f, static_cast<int>(c % 4) - 2));
  return values;
}

/// Whether each value is its exact one, within `roundings` of 2^-24 of `size`.
std::string further(const std::vector<double>& exact,
                    const std::vector<double>& size, Guarded<float>& got,
                    double roundings) {
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double value = got[static_cast<std::int64_t>(i)];
    if (std::abs(value - exact[i]) <= roundings * 6e-8 * size[i]) continue;
    return "column " + std::to_string(i) + ": expected " +
           std::to_string(exact[i]) + ", got " + std::to_string(value);
  }
  std::vector<float> same;
  for (std::size_t i = 0; i < exact.size(); ++i)
    same.push_back(got[static_cast<std::int64_t>(i)]);
  return got.differs(same);  // around them
}

TEST_CASE("moments: mean and squared distances of every column") {
  each_size([](TileSize size) {
    auto y = whole_numbers(elements(size), 1, 100);
    // Far from zero, where the difference of large squares would be noise.
    for (float& value : y) value = value / 128 + 1000;
    Guarded<float> mean(size.columns), square(size.columns);
    moments(y.data(), size, mean.data(), square.data());
    std::vector<double> m(index(size.columns)), s(m), m_size(m), s_size(m);
    for (std::int64_t c = 0; c < size.columns; ++c) {
      const auto n = static_cast<double>(size.rows);
      double sum = 0, distance = 0;
      for (std::int64_t r = 0; r < size.rows; ++r)
        sum += double{y[index(r * size.columns + c)]};
      for (std::int64_t r = 0; r < size.rows; ++r)
        distance += std::pow(y[index(r * size.columns + c)] - sum / n, 2);
      m[index(c)] = sum / n, m_size[index(c)] = sum / n;
      // The mean's error e adds n e^2, and 2 e times distances that add up to
      // nothing but their rounding.
      s[index(c)] = distance, s_size[index(c)] = distance + 1e-2 * n;
    }
    const double roundings = static_cast<double>(size.rows) + 2;
    CHECK_EQ(further(m, m_size, mean, roundings), "");
    CHECK_EQ(further(s, s_size, square, 4 * roundings), "");
  });
}

TEST_CASE_TEMPLATE("apply: scale and shift of a column, then the activation", T,
                   float, Bf16) {
  each_size([](TileSize size) {
    const auto y = whole_numbers(elements(size), 2, 9);
    const auto scale = powers(size.columns);
    const auto shift = whole_numbers(size.columns, 3, 2);
    for (const Activation kind : kActivations)
      for (const bool scaled : {true, false}) {
        CAPTURE(scaled);
        CAPTURE(static_cast<int>(kind));
        std::vector<T> expected;
        for (std::size_t i = 0; i < y.size(); ++i) {
          const std::size_t c = i % scale.size();
          expected.push_back(number<T>(
              activated(y[i] * (scaled ? scale[c] : 1.0f) + shift[c], kind)));
        }
        Guarded<T> x(elements(size) + 64);
        apply(y.data(), size,
              {scaled ? scale.data() : nullptr, shift.data(), kind}, x.data());
        CHECK_EQ(x.differs(expected), "");
      }
  });
}

TEST_CASE("activation backward: from the input, zero included") {
  each_size([](TileSize size) {
    const auto y = whole_numbers(elements(size), 4, 3);
    const auto g = whole_numbers(elements(size), 5, 9);
    const auto scale = powers(size.columns);
    const auto shift = whole_numbers(size.columns, 6, 1);
    for (const Activation kind : kActivations) {
      CAPTURE(static_cast<int>(kind));
      std::vector<float> expected;
      Guarded<float> to(elements(size) + 64);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t c = i % scale.size();
        expected.push_back(g[i] * slope_at(y[i] * scale[c] + shift[c], kind));
        to[static_cast<std::int64_t>(i)] = g[i];
      }
      activation_backward(y.data(), size, {scale.data(), shift.data(), kind},
                          to.data());
      CHECK_EQ(to.differs(expected), "");
    }
  });
}

TEST_CASE_TEMPLATE("output backward: the same from the output", T, float,
                   Bf16) {
  each_size([](TileSize size) {
    const auto x = whole_numbers<T>(elements(size), 7, 2);
    const auto g = whole_numbers(elements(size), 8, 9);
    for (const Activation kind : kActivations) {
      CAPTURE(static_cast<int>(kind));
      std::vector<T> expected;
      for (std::size_t i = 0; i < x.size(); ++i)
        expected.push_back(number<T>(g[i] * slope_at(read_number(x[i]), kind)));
      Guarded<T> to(elements(size) + 64);
      output_backward(g.data(), x.data(), size, kind, to.data());
      CHECK_EQ(to.differs(expected), "");
    }
  });
}

TEST_CASE_TEMPLATE("sums of columns", T, float, Bf16) {
  each_size([](TileSize size) {
    const auto g = whole_numbers<T>(elements(size) + size.columns, 9, 50);
    std::vector<float> expected(index(size.columns));
    for (std::int64_t r = 0; r < size.rows; ++r)
      for (std::int64_t c = 0; c < size.columns; ++c)
        expected[index(c)] += read_number(g[index(r * size.columns + c)]);
    Guarded<float> sums(size.columns);
    column_sums(g.data(), size, sums.data());
    CHECK_EQ(sums.differs(expected), "");
  });
}

TEST_CASE("sums of BatchNorm's backward") {
  each_size([](TileSize size) {
    const auto g = whole_numbers(elements(size), 10, 9);
    const auto y = whole_numbers(elements(size), 11, 9);
    const auto mean = whole_numbers(size.columns, 12, 2);
    const auto invstd = powers(size.columns);
    std::vector<float> of_g(index(size.columns)), of_gx(of_g);
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t c = i % mean.size();
      of_g[c] += g[i];
      of_gx[c] += g[i] * ((y[i] - mean[c]) * invstd[c]);
    }
    Guarded<float> sum_g(size.columns), sum_gx(size.columns);
    norm_sums(g.data(), y.data(), size, mean.data(), invstd.data(),
              sum_g.data(), sum_gx.data());
    CHECK_EQ(sum_g.differs(of_g), "");
    CHECK_EQ(sum_gx.differs(of_gx), "");
  });
}

TEST_CASE_TEMPLATE("BatchNorm's derivative by its input", T, float, Bf16) {
  each_size([](TileSize size) {
    const auto g = whole_numbers(elements(size), 13, 9);
    const auto y = whole_numbers(elements(size), 14, 9);
    const auto mean = whole_numbers(size.columns, 15, 2);
    const auto mean_g = whole_numbers(size.columns, 16, 2);
    const auto mean_gx = whole_numbers(size.columns, 17, 2);
    const auto invstd = powers(size.columns);
    auto factor = powers(size.columns + 1);
    factor.erase(factor.begin());
    std::vector<T> expected;
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t c = i % mean.size();
      const double x = (double{y[i]} - double{mean[c]}) * double{invstd[c]};
      const double exact =
          double{factor[c]} *
          (double{g[i]} - double{mean_g[c]} - x * double{mean_gx[c]});
      expected.push_back(number<T>(static_cast<float>(exact)));
    }
    Guarded<T> to(elements(size) + 64);
    norm_backward(g.data(), y.data(), size,
                  {mean.data(), invstd.data(), factor.data(), mean_g.data(),
                   mean_gx.data()},
                  to.data());
    CHECK_EQ(to.differs(expected), "");
  });
}

TEST_CASE("NaN stays NaN") {
  std::vector<float> y(32, 1.0f), one(16, 1.0f), zero(16, 0.0f);
  y[17] = NAN;
  for (const Activation kind : kActivations) {
    std::vector<float> x(32);
    std::vector<Bf16> short_x(32);
    apply(y.data(), {2, 16, 2}, {one.data(), zero.data(), kind}, x.data());
    apply(y.data(), {2, 16, 2}, {one.data(), zero.data(), kind},
          short_x.data());
    for (std::size_t i = 0; i < 32; ++i) {
      CHECK_EQ(std::isnan(x[i]), i == 17);
      CHECK_EQ(std::isnan(read_number(short_x[i])), i == 17);
    }
  }
  std::vector<float> mean(16), square(16);
  moments(y.data(), {2, 16, 2}, mean.data(), square.data());
  CHECK(std::isnan(mean[1]));
  CHECK(std::isnan(square[1]));
  CHECK_FALSE(std::isnan(mean[2]));
}

}  // namespace
}  // namespace vae::engine::tile
