// The grid against an independent implementation of torchvision's documented
// rules: copy tensors to a canvas, then mul(255), add(0.5), clamp.
#include "io/grid.hpp"

#include <cmath>
#include <limits>

#include "io/file.hpp"
#include "unit/testing.hpp"
#include "vae/image.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::says;
using testing::TempFolder;

std::vector<float> sample(std::size_t size) {
  std::vector<float> values(size);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = std::fmod(static_cast<float>(i) * 0.137f, 1.3f) - 0.15f;
  return values;
}

/// make_grid(padding=2, pad_value=0) and save_image's rounding, as [H, W, 3].
Picture torchvision(const std::vector<float>& values, std::size_t count,
                    const Shape& shape, std::size_t nrow) {
  const std::size_t c = shape[0], h = shape[1], w = shape[2];
  const std::size_t padding = count == 1 ? 0 : 2;
  const std::size_t xmaps = std::min(nrow, count);
  const std::size_t ymaps = static_cast<std::size_t>(
      std::ceil(static_cast<double>(count) / static_cast<double>(xmaps)));
  const std::size_t height = (h + padding) * ymaps + padding;
  const std::size_t width = (w + padding) * xmaps + padding;
  std::vector<float> canvas(height * width * 3, 0.0f);
  std::size_t k = 0;
  for (std::size_t y = 0; y < ymaps; ++y)
    for (std::size_t x = 0; x < xmaps && k < count; ++x, ++k)
      for (std::size_t i = 0; i < h; ++i)
        for (std::size_t j = 0; j < w; ++j)
          for (std::size_t channel = 0; channel < 3; ++channel) {
            const std::size_t row = y * (h + padding) + padding + i;
            const std::size_t column = x * (w + padding) + padding + j;
            const std::size_t from = c == 1 ? 0 : channel;
            canvas[(row * width + column) * 3 + channel] =
                values[((k * c + from) * h + i) * w + j];
          }
  Picture picture{3,
                  static_cast<std::uint32_t>(height),
                  static_cast<std::uint32_t>(width),
                  {}};
  for (const float value : canvas)
    picture.pixels.push_back(static_cast<std::uint8_t>(
        std::min(std::max(value * 255.0f + 0.5f, 0.0f), 255.0f)));
  return picture;
}

void check_same(const Picture& a, const Picture& b) {
  CHECK(a.channels == b.channels);
  CHECK(a.height == b.height);
  CHECK(a.width == b.width);
  CHECK(a.pixels == b.pixels);
}

TEST_CASE("grids equal torchvision's, pixel for pixel") {
  for (const std::uint32_t channels : {1u, 3u})
    for (const std::size_t count : {1u, 2u, 7u, 8u, 9u, 64u})
      for (const std::uint32_t columns : {1u, 3u, 8u}) {
        CAPTURE(channels);
        CAPTURE(count);
        CAPTURE(columns);
        const Shape shape{channels, 5, 4};
        const auto values = sample(count * channels * 20);
        check_same(draw_grid(Batch::of(values, count), shape, columns),
                   torchvision(values, count, shape, columns));
      }
}

TEST_CASE("64 images of 28x28 in 8 columns are 242x242 pixels") {
  const auto values = sample(64 * 784);
  const Picture picture = draw_grid(Batch::of(values, 64), {1, 28, 28}, 8);
  CHECK(picture.height == 242);
  CHECK(picture.width == 242);
}

TEST_CASE("bytes are drawn unchanged, rows of pixels last channel too") {
  std::vector<std::uint8_t> chw(2 * 3 * 4), hwc(chw.size());
  for (std::size_t image = 0; image < 2; ++image)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t i = 0; i < 4; ++i) {
        const auto value = static_cast<std::uint8_t>(image * 100 + c * 20 + i);
        chw[image * 12 + c * 4 + i] = value;
        hwc[image * 12 + i * 3 + c] = value;
      }
  Batch batch = Batch::of(chw, 2);
  const Picture first = draw_grid(batch, {3, 2, 2}, 2);
  const std::size_t at = (2 * first.width + 2) * 3;  // inside the border
  CHECK(first.pixels[at] == 0);
  CHECK(first.pixels[at + 1] == 20);
  CHECK(first.pixels[at + 2] == 40);
  CHECK(first.pixels[at + 3] == 1);
  batch = Batch::of(hwc, 2);
  batch.layout = Layout::hwc;
  check_same(draw_grid(batch, {3, 2, 2}, 2), first);
}

TEST_CASE("zero columns make a square") {
  for (const auto& [count, columns] :
       {std::pair{2u, 2u}, {4u, 2u}, {5u, 3u}, {9u, 3u}, {10u, 4u}}) {
    const auto values = sample(count);
    CHECK(draw_grid(Batch::of(values, count), {1, 1, 1}, 0).width ==
          columns * 3 + 2);
  }
}

TEST_CASE("the file is a PNG of the grid") {
  const TempFolder folder;
  const auto values = sample(6 * 20);
  const std::string path = folder / "grid.png";
  write_grid(path, Batch::of(values, 6), {1, 5, 4}, 3);
  check_same(read_png(read_file(path), path),
             torchvision(values, 6, {1, 5, 4}, 3));
}

TEST_CASE(
    "images that cannot be drawn are an error, and the file is unchanged") {
  const TempFolder folder;
  const std::string path = folder / "grid.png";
  testing::put(path, testing::to_bytes("old"));
  auto values = sample(100);
  const auto refuse = [&](Status status, const Batch& batch,
                          const Shape& shape) {
    return error_of(status, [&] { write_grid(path, batch, shape, 8); });
  };
  says(refuse(Status::argument, Batch::of(values, 2), {2, 5, 5}), "2 channels");
  says(refuse(Status::argument, Batch::of(values, 0), {1, 5, 5}), "count is 0");
  says(refuse(Status::too_small, Batch::of(values, 5), {1, 5, 5}), "400 bytes");
  says(refuse(Status::argument, Batch::of(values, 1), {1, 0, 5}), "1x0x5");
  Batch batch = Batch::of(values, 4);
  batch.device = DeviceKind::cuda;
  says(refuse(Status::argument, batch, {1, 5, 5}), "device");
  batch = Batch::of(values, 4);
  batch.type = ElementType::int64;
  says(refuse(Status::argument, batch, {1, 5, 5}), "type is 3");
  batch = Batch::of(values, 4);
  batch.layout = static_cast<Layout>(0);
  says(refuse(Status::argument, batch, {1, 5, 5}), "layout is 0");
  batch = Batch::of(values, 4);
  batch.data = nullptr;
  says(refuse(Status::argument, batch, {1, 5, 5}), "null");
  values[30] = std::numeric_limits<float>::quiet_NaN();
  says(refuse(Status::argument, Batch::of(values, 4), {1, 5, 5}),
       "element 5 of row 1");
  const std::vector<std::uint8_t> line(4'200'000);
  says(refuse(Status::argument, Batch::of(line, 2'100'000), {1, 2, 1}),
       "1000000");
  CHECK(testing::slurp(path) == "old");
}

TEST_CASE("infinite values are clipped like any other") {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values{infinity, -infinity};
  const Picture picture = draw_grid(Batch::of(values, 1), {1, 1, 2}, 8);
  CHECK(picture.pixels == std::vector<std::uint8_t>{255, 255, 255, 0, 0, 0});
}

}  // namespace
}  // namespace vae::io
