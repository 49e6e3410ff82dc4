// libvae's GEMM kernels against plain loops: every kind of gather, both orders
// of weights, split-K, each epilogue, and the instructions of both kinds of
// tensor cores. Emulated only: on a GPU the whole pass is compared with the
// reference.
#include "engine/cuda/gemm.hpp"

#include "kernels/gemm_support.hpp"

namespace vae::engine {
namespace {

using cuda::Epilogue;
using cuda::EpilogueArgs;
using cuda::Gather;
using cuda::GemmArgs;
using cuda::TensorCores;

constexpr TensorCores kCores[]{TensorCores::ampere, TensorCores::hopper};

/// Row m of Gather's matrix, for phase (up, left) and tap (r, s).
double gathered(const Gather& g, const Values& from, std::int64_t m,
                std::int64_t r, std::int64_t s, std::int64_t c, int up,
                int left) {
  const std::int64_t n = m / (g.gh * g.gw), place = m % (g.gh * g.gw);
  const std::int64_t h = place / g.gw * g.stride + g.h0 + up + r * g.step;
  const std::int64_t w = place % g.gw * g.stride + g.w0 + left + s * g.step;
  if (h < 0 || h >= g.ih || w < 0 || w >= g.iw) return 0;
  return from[index(((n * g.ih + h) * g.iw + w) * g.channels + c)];
}

/// The result of a product, by output index [.., n].
Values exact_product(const GemmArgs& p, bool b_k_major, const Values& a,
                     const Values& b, std::int64_t out_rows) {
  Values out(index(out_rows * p.n));
  for (int phase = 0; phase < (p.phases ? 4 : 1); ++phase)
    for (std::int64_t m = 0; m < p.m; ++m) {
      const int up = phase / 2, left = phase % 2;
      std::int64_t row = m;
      if (p.phases) {
        const std::int64_t n = m / (p.a.gh * p.a.gw);
        const std::int64_t place = m % (p.a.gh * p.a.gw);
        const std::int64_t h = place / p.a.gw * 2 + up;
        const std::int64_t w = place % p.a.gw * 2 + left;
        if (h >= p.oh || w >= p.ow) continue;
        row = (n * p.oh + h) * p.ow + w;
      }
      for (std::int64_t r = 0; r < p.a.taps_h; ++r)
        for (std::int64_t s = 0; s < p.a.taps_w; ++s)
          for (std::int64_t c = 0; c < p.a.channels; ++c) {
            const double x = gathered(p.a, a, m, r, s, c, up, left);
            const std::int64_t tap = (p.phases ? (1 - up) * 4 + 1 - left : 0) +
                                     r * p.tap_r + s * p.tap_s;
            for (std::int64_t n = 0; n < p.n; ++n)
              out[index(row * p.n + n)] +=
                  x * b[index(b_k_major ? (n * p.taps + tap) * p.a.channels + c
                                        : (c * p.taps + tap) * p.n + n)];
          }
    }
  return out;
}

/// A layer of a network with sides and channels that fill no tile.
struct Case {
  const char* name;
  bool b_k_major;
  std::int64_t a_numbers, b_numbers, out_rows;
  GemmArgs args;
};

Case forward_case(std::int32_t images, std::int32_t c, std::int32_t n) {
  const std::int32_t ih = 7, iw = 10, oh = 3, ow = 5;
  GemmArgs p{};
  p.a = {nullptr, images, ih, iw, c, oh, ow, 2, -1, -1, 1, 4, 4, {}, {}};
  p.m = images * oh * ow, p.n = n;
  p.taps = 16, p.tap_r = 4, p.tap_s = 1, p.splits = 1;
  return {"forward",
          true,
          std::int64_t{images} * ih * iw * c,
          std::int64_t{16} * c * n,
          p.m,
          p};
}

Case transposed_case(std::int32_t images, std::int32_t c, std::int32_t n) {
  const std::int32_t ih = 3, iw = 5, oh = 7, ow = 10;
  GemmArgs p{};
  p.a = {nullptr, images, ih, iw, c, 4, 5, 1, 0, 0, -1, 2, 2, {}, {}};
  p.m = images * 4 * 5, p.n = n;
  p.taps = 16, p.tap_r = 8, p.tap_s = 2, p.splits = 1;
  p.phases = true, p.oh = oh, p.ow = ow;
  return {"transposed",
          false,
          std::int64_t{images} * ih * iw * c,
          std::int64_t{16} * c * n,
          std::int64_t{images} * oh * ow,
          p};
}

Case full_case(std::int32_t images, std::int32_t c, std::int32_t n) {
  GemmArgs p{};
  p.a = {nullptr, images, 5, 4, c, 5, 4, 1, 1, 1, -1, 3, 3, {}, {}};
  p.m = images * 20, p.n = n;
  p.taps = 9, p.tap_r = 3, p.tap_s = 1, p.splits = 1;
  return {"3 x 3, backward",       false, std::int64_t{images} * 20 * c,
          std::int64_t{9} * c * n, p.m,   p};
}

Case linear_case(std::int32_t images, std::int32_t c, std::int32_t n,
                 bool b_k_major) {
  GemmArgs p{};
  p.a = {nullptr, images, 1, 1, c, 1, 1, 1, 0, 0, 1, 1, 1, {}, {}};
  p.m = images, p.n = n;
  p.taps = 1, p.tap_r = 1, p.tap_s = 1, p.splits = 1;
  return {"linear", b_k_major, std::int64_t{images} * c, std::int64_t{c} * n,
          images,   p};
}

std::vector<Case> cases() {
  if (kFewShapes)
    return {transposed_case(1, 24, 16), linear_case(5, 72, 8, true)};
  return {forward_case(3, 8, 24),        forward_case(5, 72, 64),
          transposed_case(4, 24, 16),    transposed_case(3, 64, 72),
          full_case(4, 16, 8),           full_case(3, 136, 64),
          linear_case(5, 200, 16, true), linear_case(70, 24, 136, true),
          linear_case(9, 264, 8, false), linear_case(66, 16, 128, false)};
}

/// Runs a case; returns what it wrote and what it should have.
struct Outcome {
  Values got, exact;
};
Outcome run(const Case& c, TensorCores cores, EpilogueArgs epilogue,
            std::int32_t splits = 1) {
  const Numbers a(c.a_numbers, 1), b(c.b_numbers, 2);
  const bool partial = epilogue.kind == Epilogue::partial;
  const std::int64_t numbers = c.out_rows * c.args.n;
  const Array out(kernel_device(), numbers * splits,
                  partial ? Number::float32 : Number::bfloat16);
  GemmArgs args = c.args;
  args.a.from = bits(a.there);
  args.b = bits(b.there);
  args.splits = splits;
  args.epilogue = epilogue;
  args.a.by_places = cuda::Divisor(std::int64_t{args.a.gh} * args.a.gw);
  args.a.by_width = cuda::Divisor(args.a.gw);
  args.epilogue.out = out.data();
  cuda::gemm(args, c.b_k_major, cores, nullptr);
  require_launched();
  Values all = out.read();
  Values got(all.begin(), all.begin() + numbers);
  for (std::int32_t s = 1; s < splits; ++s)
    for (std::int64_t i = 0; i < numbers; ++i)
      got[index(i)] += all[index(s * numbers + i)];
  return {got, exact_product(c.args, c.b_k_major, a.here, b.here, c.out_rows)};
}

template <class Check>
void for_all(Check check) {
  for (const Case& c : cases())
    for (const TensorCores cores : kCores) {
      CAPTURE(c.name);
      CAPTURE(c.args.a.channels);
      CAPTURE(c.args.n);
      CAPTURE(static_cast<int>(cores));
      check(c, cores);
    }
}

}  // namespace

TEST_CASE("products equal plain loops, in one sum and in splits") {
  for_all([](const Case& c, TensorCores cores) {
    EpilogueArgs rows{};
    rows.kind = Epilogue::rows;
    rows.channels = c.args.n;
    const Outcome one = run(c, cores, rows);
    CHECK(excess(one.got, one.exact, Number::bfloat16, largest(one.exact)) < 1);
    if (c.args.phases) return;
    EpilogueArgs partial{};
    partial.kind = Epilogue::partial;
    for (const std::int32_t splits : {1, 3, 7}) {
      if (kFewShapes && splits != 3) continue;
      const Outcome sums = run(c, cores, partial, splits);
      CHECK(excess(sums.got, sums.exact, Number::float32, largest(sums.exact)) <
            1);
    }
  });
}

TEST_CASE("bias and ReLU in the epilogue") {
  const Case c = transposed_case(kFewShapes ? 1 : 4, 24, 16);
  for (const TensorCores cores : kCores) {
    const Values bias = random_values(16, 3);
    const Array there(kernel_device(), bias);
    EpilogueArgs e{};
    e.kind = Epilogue::rows, e.relu = true, e.channels = 16;
    e.bias = there.floats();
    Outcome o = run(c, cores, e);
    for (std::size_t i = 0; i < o.exact.size(); ++i)
      o.exact[i] = std::max(0.0, o.exact[i] + bias[i % 16]);
    // The product is rounded once before the bias is added, once after.
    CHECK(excess(o.got, o.exact, Number::bfloat16, largest(o.exact), 0x1p-8) <
          1);
  }
}

TEST_CASE("sums of columns in the epilogue are exact in any order") {
  for_all([](const Case& c, TensorCores cores) {
    const std::int64_t channels = c.args.n % 16 == 0 ? c.args.n / 2 : c.args.n;
    const Array sums(kernel_device(), channels * 2 * 4);  // 16 bytes each
    EpilogueArgs e{};
    e.kind = Epilogue::statistics;
    e.channels = static_cast<std::int32_t>(channels);
    e.sums = static_cast<ExactSum*>(sums.data());
    const Outcome o = run(c, cores, e);
    Values expected(index(2 * channels));
    for (std::size_t i = 0; i < o.got.size(); ++i) {
      const std::size_t channel = i % index(c.args.n) % index(channels);
      expected[channel] += o.got[i];
      expected[index(channels) + channel] += o.got[i] * o.got[i];
    }
    std::vector<ExactSum> raw(index(2 * channels));
    kernel_device().download(raw.data(), sums.data(),
                             static_cast<std::int64_t>(raw.size()) * 16);
    Values got;
    for (const ExactSum& sum : raw) got.push_back(exact_value(sum));
    CHECK(excess(got, expected, Number::float32, largest(expected)) < 1);
  });
}

TEST_CASE("derivatives by weights equal plain loops") {
  struct Layer {
    std::int32_t images, m, c, ih, iw, gh, gw, stride, start, taps;
  };
  for (const Layer& l : {Layer{5, 16, 24, 7, 10, 3, 5, 2, -1, 4},
                         Layer{3, 72, 8, 5, 4, 5, 4, 1, -1, 3},
                         Layer{70, 40, 72, 1, 1, 1, 1, 1, 0, 1},
                         Layer{2, 128, 64, 65, 64, 65, 64, 1, -1, 3}})
    for (const TensorCores cores : kCores) {
      CAPTURE(l.m);
      CAPTURE(static_cast<int>(cores));
      if (kFewShapes && l.taps != 1) continue;
      // The last is long enough for the larger tile, too long for loops here.
      if (l.ih > 60 && cores == TensorCores::ampere) continue;
      const std::int64_t places = std::int64_t{l.images} * l.gh * l.gw;
      const std::int64_t n = std::int64_t{l.taps} * l.taps * l.c;
      const Numbers a(places * l.m, 1);
      const Numbers x(std::int64_t{l.images} * l.ih * l.iw * l.c, 2);
      cuda::WeightGemmArgs p{};
      p.a = bits(a.there);
      p.b = {bits(x.there),
             l.images,
             l.ih,
             l.iw,
             l.c,
             l.gh,
             l.gw,
             l.stride,
             l.start,
             l.start,
             1,
             l.taps,
             l.taps,
             cuda::Divisor(std::int64_t{l.gh} * l.gw),
             cuda::Divisor(l.gw)};
      p.m = l.m, p.splits = 3;
      const Array out(kernel_device(), 3 * l.m * n);
      p.out = out.floats();
      cuda::weight_gemm(p, cores, nullptr);
      require_launched();
      const Values sums = out.read();
      Values got, exact;
      const std::int64_t step = l.ih > 60 ? 97 : 1;  // of many, a few
      for (std::int64_t i = 0; i < l.m * n; i += step) {
        got.push_back(sums[index(i)] + sums[index(l.m * n + i)] +
                      sums[index(2 * l.m * n + i)]);
        const std::int64_t row = i / n, tap = i % n / l.c, c = i % l.c;
        double sum = 0;
        for (std::int64_t k = 0; k < places; ++k)
          sum += a.here[index(k * l.m + row)] *
                 gathered(p.b, x.here, k, tap / l.taps, tap % l.taps, c, 0, 0);
        exact.push_back(sum);
      }
      CHECK(excess(got, exact, Number::float32, largest(exact), 1e-5) < 1);
    }
}

}  // namespace vae::engine
