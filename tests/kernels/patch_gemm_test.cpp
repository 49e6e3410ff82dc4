// Products of an image's patches, and derivatives by their weights, against
// plain loops in double. For the last layer see last_layer_test.cpp. Emulated
// only: on a GPU the whole pass is compared with the reference.
#include "engine/cuda/gemm_kernels.hpp"
#include "kernels/sums_support.hpp"

namespace vae::engine {
namespace {

using cuda::Epilogue;
using cuda::EpilogueArgs;

constexpr std::int64_t kTaps = 16;

/// Images [h, w] and the grid of their patches: a tile has 128 places and 64
/// channels, so less than one, ragged, several.
struct Layer {
  std::int64_t images, h, w, gh, gw, n;
  std::int64_t places() const { return images * gh * gw; }
  std::int64_t pixels() const { return images * h * w; }
};
#ifdef VAE_FEW_SHAPES
constexpr Layer kLayers[]{{3, 15, 14, 7, 7, 72}};
#else
constexpr Layer kLayers[]{{1, 2, 2, 1, 1, 8},     {1, 3, 3, 1, 1, 24},
                          {1, 7, 10, 3, 5, 24},   {3, 15, 14, 7, 7, 72},
                          {5, 9, 22, 4, 11, 8},   {2, 16, 16, 8, 8, 64},
                          {9, 28, 28, 14, 14, 72}};
#endif

/// The image's number under a tap of a place, rounded as kernels round it.
double patch(const Layer& l, const Values& image, std::int64_t place,
             std::int64_t tap) {
  const std::int64_t n = place / (l.gh * l.gw), at = place % (l.gh * l.gw);
  const std::int64_t h = at / l.gw * 2 - 1 + tap / 4;
  const std::int64_t w = at % l.gw * 2 - 1 + tap % 4;
  if (h < 0 || h >= l.h || w < 0 || w >= l.w) return 0;
  return bfloat16_of(image[index((n * l.h + h) * l.w + w)]);
}

cuda::Patches patches(const Layer& l, const Array& image) {
  return cuda::make_patches(image.floats(), l.images, l.h, l.w, l.gh, l.gw);
}

/// patch_gemm with an epilogue: what it wrote and the product in double.
struct Product {
  Values got;
  Sized exact;

  Product(const Layer& l, EpilogueArgs epilogue) : exact(l.places() * l.n) {
    const Values image = random_values(l.pixels(), 1);
    const Array there(kernel_device(), image);
    const Numbers w(l.n * kTaps, 2);
    const Array out = spoiled(l.places() * l.n, Number::bfloat16);
    epilogue.out = out.data();
    cuda::patch_gemm({patches(l, there), bits(w.there),
                      static_cast<std::int32_t>(l.n), epilogue},
                     nullptr);
    require_launched();
    got = out.read();
    for (std::int64_t place = 0; place < l.places(); ++place)
      for (std::int64_t tap = 0; tap < kTaps; ++tap) {
        const double x = patch(l, image, place, tap);
        for (std::int64_t n = 0; n < l.n; ++n)
          exact.add(place * l.n + n, x * w.here[index(n * kTaps + tap)]);
      }
  }
};

/// Of what was written: sums over rows by channel, and of squares behind them.
Sized column_sums(const Values& written, std::int64_t channels) {
  Sized sums(2 * channels);
  for (std::size_t i = 0; i < written.size(); ++i) {
    const std::int64_t c = static_cast<std::int64_t>(i) % channels;
    sums.add(c, written[i]);
    sums.add(channels + c, written[i] * written[i]);
  }
  return sums;
}

template <class Check>
void for_all(Check check) {
  for (const Layer& l : kLayers) {
    CAPTURE(l.images);
    CAPTURE(l.h);
    CAPTURE(l.w);
    CAPTURE(l.n);
    check(l);
  }
}

// Sixteen products are added in float32: half an ulp each.
constexpr double kProduct = 16 * 0x1p-24;
// A thread adds sixteen rows of a tile, then come warps and blocks.
constexpr double kColumns = 32 * 0x1p-24;

/// BatchNorm around g, as patch_weights is given it, and dx in double.
struct Norm {
  Values weight, mean, invstd, dx;
  Values size;  // of the terms that dx is the sum of
  Numbers x;
  Array w, m, s;
  On<ExactSum> sums;

  Norm(const Values& g, std::int64_t n)
      : weight(random_values(n, 5)),
        mean(random_values(n, 6)),
        invstd(squares(random_values(n, 7))),
        dx(g),
        size(g),
        x(static_cast<std::int64_t>(g.size()), 8),
        w(kernel_device(), weight),
        m(kernel_device(), mean),
        s(kernel_device(), invstd),
        sums(kernel_device(), no_sums(2 * n)) {
    const auto rows = static_cast<double>(g.size()) / static_cast<double>(n);
    std::vector<ExactSum> raw = no_sums(2 * n);
    Values means(raw.size());
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t c = i % weight.size();
      const double gx = g[i] * (x.here[i] - mean[c]) * invstd[c];
      means[c] += g[i] / rows, means[index(n) + c] += gx / rows;
      add_exactly(raw[c], g[i]);
      add_exactly(raw[index(n) + c], gx);
    }
    kernel_device().upload(sums.data(), raw.data(),
                           static_cast<std::int64_t>(raw.size()) * 16);
    for (std::size_t i = 0; i < g.size(); ++i) {
      const std::size_t c = i % weight.size();
      const double factor = weight[c] * invstd[c];
      const double by_x = invstd[c] * means[index(n) + c];
      dx[i] = factor * (g[i] - means[c] - (x.here[i] - mean[c]) * by_x);
      size[i] = std::abs(factor) *
                (std::abs(g[i]) + std::abs(means[c]) +
                 (std::abs(x.here[i]) + std::abs(mean[c])) * std::abs(by_x));
    }
  }
  static Values squares(Values values) {
    for (double& each : values) each *= each;
    return values;
  }
  cuda::NormGradientColumns columns(const Layer& l) const {
    return {bits(x.there), w.floats(),  m.floats(),
            s.floats(),    sums.data(), static_cast<std::int32_t>(l.places())};
  }
};

/// patch_weights, added up over its blocks, against g^T times patches.
void check_weights(const Layer& l, std::int32_t blocks, bool with_norm) {
  const Values image = random_values(l.pixels(), 1);
  const Array there(kernel_device(), image);
  const Numbers g(l.places() * l.n, 2);
  const Norm norm(g.here, l.n);
  const std::int64_t numbers = l.n * kTaps;
  const Array out = spoiled(blocks * numbers);
  cuda::patch_weights(
      {patches(l, there), bits(g.there),
       with_norm ? norm.columns(l) : cuda::NormGradientColumns{},
       static_cast<std::int32_t>(l.n), blocks, out.floats()},
      nullptr);
  require_launched();
  const Values all = out.read();
  const Values& dx = with_norm ? norm.dx : g.here;
  const Values& size = with_norm ? norm.size : g.here;
  Sized exact(numbers);
  Values got(index(numbers)), square(index(numbers));
  for (std::size_t i = 0; i < all.size(); ++i) got[i % got.size()] += all[i];
  for (std::int64_t place = 0; place < l.places(); ++place)
    for (std::int64_t tap = 0; tap < kTaps; ++tap) {
      const double x = patch(l, image, place, tap);
      for (std::int64_t n = 0; n < l.n; ++n) {
        const double term = dx[index(place * l.n + n)] * x;
        exact.sum[index(n * kTaps + tap)] += term;
        exact.size[index(n * kTaps + tap)] +=
            std::abs(size[index(place * l.n + n)] * x);
        square[index(n * kTaps + tap)] += term * term;
      }
    }
  // Each dx is rounded to bfloat16 for itself, by 2^-8 of it at most, mostly by
  // less: twice the root of the squares' sum. A place left out is more.
  for (std::size_t i = 0; i < square.size(); ++i)
    exact.size[i] = (with_norm ? 2 * 0x1p-8 * std::sqrt(square[i]) : 0) +
                    kProduct * exact.size[i];
  CHECK(excess(got, exact, Number::float32, 1) < 1);
}

}  // namespace

TEST_CASE("products of patches, with sums of x and of its square") {
  for_all([](const Layer& l) {
    const On<ExactSum> sums(kernel_device(), no_sums(2 * l.n));
    EpilogueArgs e{};
    e.kind = Epilogue::statistics;
    e.channels = static_cast<std::int32_t>(l.n), e.sums = sums.data();
    const Product p(l, e);
    CHECK(excess(p.got, p.exact, Number::bfloat16, kProduct) < 1);
    CHECK(excess(values_of(sums.read()), column_sums(p.got, l.n),
                 Number::float32, kColumns) < 1);
  });
}

TEST_CASE("products of patches are zero where a ReLU was") {
  for_all([](const Layer& l) {
    Values output = random_values(l.places() * l.n, 3, Number::bfloat16);
    for (double& each : output) each = std::max(each, 0.0);
    const Numbers other(output);
    // Column n is of channel n % channels.
    const std::int64_t channels = l.n == 72 ? 24 : l.n;
    for (const bool sum : {true, false}) {
      const On<ExactSum> sums(kernel_device(), no_sums(channels));
      EpilogueArgs e{};
      e.kind = Epilogue::masked;
      e.channels = static_cast<std::int32_t>(channels);
      e.other = bits(other.there), e.sums = sum ? sums.data() : nullptr;
      Product p(l, e);
      for (std::size_t i = 0; i < output.size(); ++i)
        if (output[i] == 0) p.exact.sum[i] = p.exact.size[i] = 0;
      CHECK(excess(p.got, p.exact, Number::bfloat16, kProduct) < 1);
      Sized exact = column_sums(p.got, channels);
      exact.sum.resize(index(channels));
      if (!sum) exact = Sized(channels);
      CHECK(excess(values_of(sums.read()), exact, Number::float32, kColumns) <
            1);
    }
  });
}

TEST_CASE("products of patches with bias, with and without ReLU and sums") {
  for_all([](const Layer& l) {
    const Values bias = random_values(l.n, 4);
    const Array there(kernel_device(), bias);
    for (const bool relu : {true, false}) {
      const On<ExactSum> sums(kernel_device(), no_sums(l.n));
      EpilogueArgs e{};
      e.kind = Epilogue::rows, e.relu = relu;
      e.channels = static_cast<std::int32_t>(l.n);
      e.bias = relu ? there.floats() : nullptr;
      e.sums = relu ? nullptr : sums.data();
      Product p(l, e);
      for (std::size_t i = 0; relu && i < p.exact.sum.size(); ++i) {
        p.exact.sum[i] = std::max(0.0, p.exact.sum[i] + bias[i % index(l.n)]);
        p.exact.size[i] += std::abs(bias[i % index(l.n)]);
      }
      // With a bias the product is rounded before it is added, and after.
      CHECK(excess(p.got, p.exact, Number::bfloat16,
                   relu ? 0x1p-8 + kProduct : kProduct) < 1);
      Sized exact = column_sums(p.got, l.n);
      exact.sum.resize(index(l.n));
      if (!relu)
        CHECK(excess(values_of(sums.read()), exact, Number::float32, kColumns) <
              1);
    }
  });
}

#ifndef VAE_FEW_SHAPES
TEST_CASE("blocks compute a second tile if there are more tiles than blocks") {
  // 529 tiles, and 528 blocks at most.
  const Layer l{2, 368, 368, 184, 184, 8};
  const On<ExactSum> sums(kernel_device(), no_sums(2 * l.n));
  EpilogueArgs e{};
  e.kind = Epilogue::statistics;
  e.channels = static_cast<std::int32_t>(l.n), e.sums = sums.data();
  const Product p(l, e);
  CHECK(excess(p.got, p.exact, Number::bfloat16, kProduct) < 1);
  CHECK(excess(values_of(sums.read()), column_sums(p.got, l.n), Number::float32,
               kColumns) < 1);
}
#endif

TEST_CASE("derivatives by the weights of patches equal plain loops") {
  for_all([](const Layer& l) {
    // As many blocks as the library takes, and fewer than there are tiles.
    for (const std::int32_t blocks :
         {1, 2, cuda::patch_weight_blocks(l.places())}) {
      CAPTURE(blocks);
      if (kFewShapes && blocks != 1) continue;
      check_weights(l, blocks, false);
    }
  });
}

TEST_CASE("derivatives by the weights of patches, through a norm's backward") {
  for_all([](const Layer& l) {
    for (const std::int32_t blocks :
         {1, 2, cuda::patch_weight_blocks(l.places())}) {
      CAPTURE(blocks);
      if (kFewShapes && blocks != 1) continue;
      check_weights(l, blocks, true);
    }
  });
}

TEST_CASE("partial sums are as many as tiles, and no more than blocks") {
  CHECK_EQ(cuda::patch_weight_blocks(1), 1);
  CHECK_EQ(cuda::patch_weight_blocks(128), 1);
  CHECK_EQ(cuda::patch_weight_blocks(129), 2);
  CHECK_EQ(cuda::patch_weight_blocks(1 << 30), 132);
}

}  // namespace vae::engine
