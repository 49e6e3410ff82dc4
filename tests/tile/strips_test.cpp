// A single image, with pixels as rows of GEMMs: runs against the links that
// they represent, and the whole engine against the same image in a batch.
#include <tuple>

#include "engine/tile/geometry.hpp"
#include "tile/tile_cases.hpp"

namespace vae::engine {
namespace {

using model::Extent;
using model::Layer;
using model::LayerKind;
using tile::Link;
using tile::Run;
using tile::Strips;

/// The links of a run, those of one output pixel.
void add_links(const Run& run, std::int64_t out, std::vector<Link>* to) {
  for (std::int32_t i = 0; i < run.count; ++i)
    if (run.out + i * run.out_step == out)
      to->push_back(
          {run.in + i * run.in_step, run.out + i * run.out_step, run.tap});
}

std::vector<std::tuple<std::int32_t, std::int32_t, std::int32_t>> triples(
    std::span<const Link> links) {
  std::vector<std::tuple<std::int32_t, std::int32_t, std::int32_t>> all;
  for (const Link& link : links) all.emplace_back(link.in, link.out, link.tap);
  return all;
}

/// Most runs that a strip of `rows` rows of the layer's output has.
std::size_t check_strips(const Layer& layer, std::int64_t rows) {
  const tile::Geometry geometry = tile::make_geometry(layer);
  const std::int64_t width = rows * layer.out.w;
  const std::int64_t pixels = layer.out.h * layer.out.w;
  const Strips strips(geometry, pixels, width);
  CHECK_EQ(strips.count(), layer.out.h / rows);
  CHECK_EQ(strips.width(), width);
  std::size_t most = 0;
  for (std::int64_t out = 0; out < pixels; ++out) {
    CAPTURE(out);
    std::vector<Link> links;
    for (const Run& run : strips.of(out / width)) add_links(run, out, &links);
    // The order too: sums are formed in it.
    CHECK(triples(links) == triples(geometry.by_out.of(out)));
    most = std::max(most, strips.of(out / width).size());
  }
  return most;
}

/// One row at a time, and all of them at once: one product for each tap and
/// row, whatever the width.
void check_strips(const Layer& layer) {
  const auto taps = static_cast<std::size_t>(layer.kernel * layer.kernel);
  CHECK_LE(check_strips(layer, 1), taps);
  CHECK_LE(check_strips(layer, layer.out.h),
           taps * static_cast<std::size_t>(layer.out.h));
}

struct Results {
  std::vector<std::vector<float>> all;
  bool operator==(const Results&) const = default;
};

/// Everything that inference gives for the first `count` of `images`, in calls
/// of `part` images.
Results infer(Subject& s, const std::vector<float>& images, std::int64_t count,
              std::int64_t part) {
  const std::int64_t latent = s.config.latent, size = s.plan.image.size();
  const auto floats_of = [](std::int64_t n) {
    return std::vector<float>(static_cast<std::size_t>(n));
  };
  auto mean = floats_of(count * latent), logvar = mean;
  auto decoded = floats_of(count * size), drawn = decoded, again = decoded;
  auto recon = floats_of(count), kl = recon;
  for (std::int64_t i = 0; i < count; i += part) {
    const auto to = [&](std::vector<float>& values, std::int64_t width) {
      RowTarget target;
      target.data = values.data() + i * width;
      target.count = part;
      return target;
    };
    Input input = s.host_rows(images, i, part);
    input.first_image = static_cast<std::uint64_t>(i);
    s.engine->encode(input, to(mean, latent), to(logvar, latent));
    RowSource codes;
    codes.data = mean.data() + i * latent;
    codes.count = part;
    s.engine->decode(codes, to(decoded, size));
    s.engine->sample({3, Stream::sample, 0}, static_cast<std::uint64_t>(i),
                     0.7f, to(drawn, size));
    s.engine->reconstruct(input, to(again, size));
    s.engine->score(input, {recon.data() + i, kl.data() + i, nullptr});
  }
  return {{mean, logvar, decoded, drawn, again, recon, kl}};
}

std::unique_ptr<Subject> subject(Config config, Precision precision) {
  config.precision = precision;
  return on_cpu(config, EngineKind::tile);
}

std::vector<Config> configs() {
  Config odd = small_tiles();
  odd.latent = 7;
  Config alone = small_tiles();
  alone.max_batch = 1;
  return {odd, colour_tiles(), many_images(), alone};
}

}  // namespace

TEST_CASE("runs are the links, in their order, and few") {
  for (const std::int64_t kernel : {3, 4})
    for (const std::int64_t stride : {1, 2})
      for (const auto& [h, w] : {std::pair{2, 2}, {4, 4}, {5, 7}, {13, 10}}) {
        const auto smaller = [&](std::int64_t n) {
          return (n + 2 - kernel) / stride + 1;
        };
        const Extent fine{16, h, w}, coarse{16, smaller(h), smaller(w)};
        CAPTURE(kernel);
        CAPTURE(stride);
        CAPTURE(w);
        check_strips({LayerKind::conv, fine, coarse, kernel, stride});
        check_strips(
            {LayerKind::conv_transposed, coarse, fine, kernel, stride});
      }
}

TEST_CASE("one image alone: the same bits as in a batch") {
  if (!runs_here()) return;
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (Config config : configs()) {
      CAPTURE(to_json(config));
      const auto images = striped_images(config, 8);
      const std::int64_t part = std::min<std::int64_t>(4, config.max_batch);
      const Results together = infer(*subject(config, precision), images, 8,
                                     std::max<std::int64_t>(2, part));
      // As many threads, as few rows in a strip.
      for (const std::uint32_t threads : {1, 2, 5}) {
        CAPTURE(threads);
        config.threads = threads;
        CHECK(infer(*subject(config, precision), images, 8, 1) == together);
      }
    }
}

TEST_CASE("encoding a single image does not affect training") {
  if (!runs_here()) return;
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const Config& config : configs()) {
      CAPTURE(to_json(config));
      const auto images = striped_images(config, config.max_batch);
      const auto undisturbed = subject(config, precision);
      const auto asked = subject(config, precision);
      for (int step = 0; step < 3; ++step) {
        infer(*asked, images, 1, 1);
        const std::int64_t count =
            std::max(std::int64_t{1}, std::int64_t{config.max_batch} - step);
        for (Subject* s : {undisturbed.get(), asked.get()})
          s->step(s->host_rows(images, 0, count), 1);
      }
      CHECK(undisturbed->params() == asked->params());
    }
}

}  // namespace vae::engine
