// The latent code from partial sums of the heads, and its gradient from those
// of dz: bit-equal to the formulas if the sums have one term, otherwise against
// double. Emulated only, as gemm_test.cpp.
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/math/objective.hpp"
#include "kernels/gemm_support.hpp"

namespace vae::engine {
namespace {

constexpr double kKlWeight = 0.3;
constexpr NoiseKey kKey{77, Stream::train, 3};
constexpr std::uint64_t kFirstRow = 11;

struct Size {
  std::int64_t images, latent, splits;
  std::int64_t numbers() const { return images * latent; }
};
/// A block has 256 threads: several per number, one, fewer than numbers; with
/// as many splits as threads, fewer, more. The backward has at most 264 blocks.
#ifdef VAE_FEW_SHAPES
constexpr Size kSizes[]{{2, 8, 3}, {1, 264, 17}};
#else
constexpr Size kSizes[]{{1, 8, 1},   {5, 8, 40},   {3, 40, 3},  {2, 136, 17},
                        {5, 136, 1}, {2, 264, 1},  {3, 264, 5}, {300, 8, 2},
                        {9, 128, 2}, {270, 264, 1}};
#endif

std::int32_t narrow(std::int64_t value) {
  return static_cast<std::int32_t>(value);
}

/// Partial sums [splits, numbers], and what they add up to.
struct Partial {
  Partial(std::int64_t splits, std::int64_t numbers, std::uint32_t seed)
      : here(random_values(splits * numbers, seed, Number::float32, 0, 0.5)),
        there(kernel_device(), here),
        sum(index(numbers)),
        magnitude(index(numbers)) {
    for (std::size_t i = 0; i < here.size(); ++i) {
      sum[i % sum.size()] += here[i];
      magnitude[i % sum.size()] += std::abs(here[i]);
    }
  }
  Values here;
  Array there;
  Values sum, magnitude;
};

/// Log-variances below, inside and above the clamp.
void stretch(Values* heads, const Size& size) {
  (*heads)[index(size.latent)] = 50;
  (*heads)[index(size.latent + 1)] = -90;
}

/// The forward, and a region of sums that it clears.
struct Forward {
  explicit Forward(const Size& s)
      : size(s),
        partial(s.splits, 2 * s.numbers(), 1),
        bias(random_values(2 * s.latent, 2)),
        heads(spoiled(2 * s.numbers())),
        z(spoiled(s.numbers(), Number::bfloat16)),
        noise(kernel_device(), s.numbers()),
        kl(kernel_device(), s.images),
        sums(kernel_device(), kSums) {
    if (s.splits == 1) stretch(&bias, s);  // else all tolerances grow
  }

  void run(const Cursor* cursor = nullptr) {
    const Array b(kernel_device(), bias);
    cuda::code_forward({partial.there.floats(),
                        narrow(size.splits),
                        narrow(size.images),
                        narrow(size.latent),
                        b.floats(),
                        heads.floats(),
                        noise.data(),
                        bits(z),
                        kl.data(),
                        kKey,
                        cursor,
                        kFirstRow,
                        {sums.data(), narrow(kSums - 1)}},
                       nullptr);
    require_launched();
  }

  static constexpr std::int64_t kSums = 1000;  // more than a block's threads
  Size size;
  Partial partial;
  Values bias;
  Array heads, z;
  On<float> noise, kl;
  On<ExactSum> sums;
};

std::vector<float> normals(const Size& size, const Cursor* cursor) {
  const On<float> out(kernel_device(), size.numbers());
  kernel_device().operations().normals(
      {kKey, cursor, kFirstRow, size.images, size.latent, 1.0f, out.data()});
  return out.read();
}

std::vector<float> floats_of(const Values& values) {
  return std::vector<float>(values.begin(), values.end());
}

template <class Check>
void for_all(Check check) {
  for (const Size& size : kSizes) {
    CAPTURE(size.images);
    CAPTURE(size.latent);
    CAPTURE(size.splits);
    check(size);
  }
}

}  // namespace

/// Equal dimensions, so that all roundings of a sum go the same way.
TEST_CASE("the KL of 4096 dimensions keeps seven digits") {
  const Size size{1, 4096, 1};
  for (const double bias : {0.3, 0.7, 1.1}) {
    CAPTURE(bias);
    Forward f(size);
    f.partial.there.write(Values(index(2 * size.numbers())));
    f.bias.assign(f.bias.size(), bias);
    f.run();
    const auto head = static_cast<float>(bias);
    CHECK(double{f.kl.read()[0]} ==
          doctest::Approx(4096.0 * double{kl_divergence(head, head)})
              .epsilon(1e-6));
  }
}

TEST_CASE("heads are the sums of their parts, with bias") {
  for_all([](const Size& size) {
    Forward f(size);
    f.run();
    Values exact = f.partial.sum;
    for (std::size_t i = 0; i < exact.size(); ++i)
      exact[i] += f.bias[i % f.bias.size()];
    // A few additions in float32.
    CHECK_LT(excess(f.heads.read(), exact, Number::float32,
                    largest(f.partial.magnitude) + largest(f.bias)),
             1);
    if (size.splits > 1) return;
    for (double& value : exact) value = double{static_cast<float>(value)};
    CHECK_EQ(f.heads.read(), exact);
  });
}

TEST_CASE("a code's noise is the device's, with and without a cursor") {
  for_all([](const Size& size) {
    Forward f(size);
    f.run();
    CHECK(same_bytes(f.noise.read(), normals(size, nullptr)));
    Cursor cursor{};
    cursor.step = 5;
    const On<Cursor> there(kernel_device(), {cursor});
    f.run(there.data());
    CHECK(same_bytes(f.noise.read(), normals(size, there.data())));
    CHECK(!same_bytes(f.noise.read(), normals(size, nullptr)));
  });
}

TEST_CASE("codes are bit-equal to the formula of heads and noise") {
  for_all([](const Size& size) {
    Forward f(size);
    f.run();
    const std::vector<float> heads = floats_of(f.heads.read());
    const std::vector<float> noise = f.noise.read();
    Values expected;
    for (std::int64_t i = 0; i < size.numbers(); ++i) {
      const std::int64_t mean =
          i / size.latent * 2 * size.latent + i % size.latent;
      expected.push_back(bfloat16_of(double{
          reparameterise(heads[index(mean)], heads[index(mean + size.latent)],
                         noise[index(i)])}));
    }
    CHECK_EQ(f.z.read(), expected);
  });
}

TEST_CASE("the KL of an image is the sum over its dimensions") {
  for_all([](const Size& size) {
    Forward f(size);
    f.run();
    const std::vector<float> heads = floats_of(f.heads.read());
    const std::vector<float> kl = f.kl.read();
    for (std::int64_t row = 0; row < size.images; ++row) {
      Exact exact;
      for (std::int64_t k = 0; k < size.latent; ++k) {
        const std::int64_t mean = row * 2 * size.latent + k;
        exact.add(double{kl_divergence(heads[index(mean)],
                                       heads[index(mean + size.latent)])});
      }
      // Summed by a block in float32: some ten roundings.
      CHECK_LE(std::abs(double{kl[index(row)]} - exact.sum),
               1e-6 * exact.magnitude);
    }
  });
}

TEST_CASE("the forward of the code clears the given sums") {
  for_all([](const Size& size) {
    Forward f(size);
    f.run();
    const std::vector<ExactSum> sums = f.sums.read();
    for (std::size_t i = 0; i + 1 < sums.size(); ++i)
      if (sums[i].low != 0 || sums[i].high != 0) FAIL_CHECK(i, " is not zero");
    CHECK_NE(sums.back().low, 0);  // outside of the given sums
    CHECK_NE(sums.back().high, 0);
  });
}

namespace {

struct Backward {
  explicit Backward(const Size& s)
      : size(s),
        partial(s.splits, s.numbers(), 3),
        heads(random_values(2 * s.numbers(), 4)),
        noise(random_values(s.numbers(), 5)),
        dheads(spoiled(2 * s.numbers(), Number::bfloat16)),
        sums(kernel_device(), no_sums(2 * s.latent)) {}

  void run() {
    const Array h(kernel_device(), heads), n(kernel_device(), noise);
    Settings set{};
    set.kl_weight = kKlWeight;
    const On<Settings> settings(kernel_device(), {set});
    cuda::code_backward(
        {partial.there.floats(), narrow(size.splits), narrow(size.images),
         narrow(size.latent), h.floats(), n.floats(), bits(dheads), sums.data(),
         settings.data()},
        nullptr);
    require_launched();
  }

  /// The derivative by the heads, from `dz`, in either type.
  template <class T>
  Values exact(const Values& dz) const {
    Values out(index(2 * size.numbers()));
    for (std::int64_t i = 0; i < size.numbers(); ++i) {
      const std::int64_t mean =
          i / size.latent * 2 * size.latent + i % size.latent;
      const LatentSlope<T> slope = latent_slope(
          static_cast<T>(dz[index(i)]), static_cast<T>(heads[index(mean)]),
          static_cast<T>(heads[index(mean + size.latent)]),
          static_cast<T>(noise[index(i)]), static_cast<T>(kKlWeight));
      out[index(mean)] = static_cast<double>(slope.mean);
      out[index(mean + size.latent)] = static_cast<double>(slope.logvar);
    }
    return out;
  }

  Size size;
  Partial partial;
  Values heads, noise;
  Array dheads;
  On<ExactSum> sums;
};

}  // namespace

TEST_CASE("the derivative by the heads and its sums over images") {
  for_all([](const Size& size) {
    Backward b(size);
    b.run();
    const Values exact = b.exact<double>(b.partial.sum);
    // Products of a few numbers in float32, rounded once.
    CHECK_LT(excess(b.dheads.read(), exact, Number::bfloat16,
                    largest(b.partial.magnitude) + largest(exact)),
             1);
    Values sums(index(2 * size.latent));
    for (std::size_t i = 0; i < exact.size(); ++i)
      sums[i % sums.size()] += exact[i];
    // Not of what was rounded to bfloat16: each term is off as above.
    CHECK_LT(excess(values_of(b.sums.read()), sums, Number::float32,
                    static_cast<double>(size.images) *
                        (largest(b.partial.magnitude) + largest(exact))),
             1);
  });
}

TEST_CASE("the derivative by the heads is math/objective.hpp's to the bit") {
  for_all([](const Size& size) {
    if (size.splits > 1) return;  // dz is a sum then
    Backward b(size);
    stretch(&b.heads, size);
    b.run();
    Values expected = b.exact<float>(b.partial.here);
    for (double& value : expected) value = bfloat16_of(value);
    CHECK_EQ(b.dheads.read(), expected);
  });
}

TEST_CASE("sums over images have the same bytes in any order of blocks") {
  for_all([](const Size& size) {
    Backward once(size), again(size);
    once.run();
    again.run();
    CHECK(same_bytes(once.sums.read(), again.sums.read()));
  });
}

}  // namespace vae::engine
