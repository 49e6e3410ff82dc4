// The sums that a step reports from the latent code and the loss, and sums over
// rows, against double. Emulated only, as gemm_test.cpp.
#include "engine/cuda/gemm_kernels.hpp"
#include "engine/math/objective.hpp"
#include "kernels/gemm_support.hpp"

namespace vae::engine {
namespace {

constexpr double kKlWeight = 0.3;

std::int32_t narrow(std::int64_t value) {
  return static_cast<std::int32_t>(value);
}

struct Step {
  Step(std::int64_t images_, std::int64_t latent_)
      : images(images_),
        latent(latent_),
        heads(random_floats(images * 2 * latent, 6)),
        kl(random_floats(images, 7, 10)),
        totals(sums_of({1234.5, 67.25, -3})) {}

  /// The tail after one call, and after a second call that accumulates.
  std::vector<float> tail(bool twice) const {
    Device& device = kernel_device();
    const On<float> h(device, heads), rows(device, kl);
    const On<ExactSum> t(device, totals);
    const On<float> out(device, tail_floats(latent));
    Settings set{};
    set.kl_weight = kKlWeight;
    const On<Settings> settings(device, {set});
    cuda::StepSumsArgs a{h.data(),
                         rows.data(),
                         reinterpret_cast<const cuda::LossTotals*>(t.data()),
                         out.data(),
                         narrow(images),
                         narrow(latent),
                         kPixels,
                         settings.data(),
                         false};
    cuda::step_sums(a, nullptr);
    a.accumulate = true;
    if (twice) cuda::step_sums(a, nullptr);
    require_launched();
    return out.read();
  }

  /// Everything in a tail but the flag, by its place.
  std::vector<Exact> exact() const {
    std::vector<Exact> sums(index(tail_floats(latent)));
    sums[1].add(exact_value(totals[0]));
    sums[3].add(exact_value(totals[1]) / kPixels);
    sums[4].add(static_cast<double>(images));
    for (std::int64_t i = 0; i < images; ++i) {
      sums[2].add(double{kl[index(i)]});
      for (std::int64_t k = 0; k < latent; ++k) {
        const float mean = heads[index(i * 2 * latent + k)];
        const float logvar = heads[index((i * 2 + 1) * latent + k)];
        const std::int64_t place = kTailFloats + k;
        sums[index(place)].add(double{kl_divergence(mean, logvar)});
        sums[index(place + latent)].add(double{mean});
        sums[index(place + 2 * latent)].add(double{mean} * double{mean});
      }
    }
    sums[0].add(sums[1].sum);
    sums[0].add(double{static_cast<float>(kKlWeight)} * sums[2].sum);
    return sums;
  }

  static constexpr std::int32_t kPixels = 391;
  std::int64_t images, latent;
  std::vector<float> heads, kl;
  std::vector<ExactSum> totals;
};

}  // namespace

TEST_CASE("a step's sums, and their accumulation") {
#ifdef VAE_FEW_SHAPES
  constexpr Shape kSteps[]{{300, 2}};
#else
  constexpr Shape kSteps[]{{1, 8}, {7, 24}, {300, 8}, {256, 3}};
#endif
  for (const auto& [images, latent] : kSteps) {
    CAPTURE(images);
    const Step step(images, latent);
    const std::vector<float> once = step.tail(false), twice = step.tail(true);
    const std::vector<Exact> exact = step.exact();
    for (std::size_t i = 0; i < once.size(); ++i) {
      CAPTURE(i);
      CHECK(rounded_sum(once[i], exact[i]));
      CHECK_EQ(twice[i], once[i] + once[i]);
    }
    CHECK_EQ(once[5], 0.0f);
  }
}

TEST_CASE("a step whose loss is not finite raises the flag") {
  Step broken(7, 2);
  broken.totals[0].low |= ExactSum::kBroken;
  CHECK_EQ(broken.tail(false)[5], 1.0f);
  CHECK_EQ(broken.tail(true)[5], 2.0f);
  for (const float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
    Step step(7, 2);
    step.kl[6] = bad;
    CHECK_EQ(step.tail(false)[5], 1.0f);
  }
}

TEST_CASE("sums over rows, of any number of rows and columns") {
#ifdef VAE_FEW_SHAPES
  constexpr Shape kRows[]{{33, 8}};
#else
  constexpr Shape kRows[]{{1, 8}, {31, 24}, {33, 72}, {300, 136}, {70, 64}};
#endif
  for (const Shape& shape : kRows) {
    CAPTURE(shape.rows);
    CAPTURE(shape.channels);
    const Numbers x(shape.rows * shape.channels, 8, 1);
    const Array sums = spoiled(shape.channels);
    cuda::row_sums({bits(x.there), sums.floats(), narrow(shape.rows),
                    narrow(shape.channels)},
                   nullptr);
    require_launched();
    Values exact(index(shape.channels)), magnitude(index(shape.channels));
    for (std::size_t i = 0; i < x.here.size(); ++i) {
      exact[i % exact.size()] += x.here[i];
      magnitude[i % exact.size()] += std::abs(x.here[i]);
    }
    CHECK_LT(excess(sums.read(), exact, Number::float32, largest(magnitude)),
             1);
  }
}

}  // namespace vae::engine
