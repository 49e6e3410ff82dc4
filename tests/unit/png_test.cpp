// PNG in memory: pixels round-trip, other kinds of PNG become grey or RGB,
// damaged files are errors.
#include "io/png.hpp"

#include <png.h>
#include <zlib.h>

#include "unit/testing.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::says;
using testing::to_bytes;

Picture sample(std::uint32_t channels, std::uint32_t height,
               std::uint32_t width) {
  Picture picture{channels, height, width, {}};
  picture.pixels.resize(std::size_t{channels} * height * width);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = static_cast<std::uint8_t>(i * 37 + i / 7);
  return picture;
}

/// A PNG of a kind that write_png does not write.
struct Kind {
  int color_type, depth;
  bool transparent = false, gamma = false, interlaced = false;
};

std::vector<std::byte> make_png(const Kind& kind, std::uint32_t width,
                                std::vector<std::vector<png_byte>> rows) {
  std::vector<std::byte> out;
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, png_size_t count) {
        auto* to = static_cast<std::vector<std::byte>*>(png_get_io_ptr(p));
        const auto* from = reinterpret_cast<const std::byte*>(data);
        to->insert(to->end(), from, from + count);
      },
      nullptr);
  png_set_IHDR(png, info, width, static_cast<png_uint_32>(rows.size()),
               kind.depth, kind.color_type,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const png_color palette[] = {{1, 2, 3}, {40, 50, 60}, {7, 7, 7}};
  if (kind.color_type == PNG_COLOR_TYPE_PALETTE)
    png_set_PLTE(png, info, palette, 3);
  const png_byte alpha[] = {0, 128, 255};
  if (kind.transparent) png_set_tRNS(png, info, alpha, 3, nullptr);
  if (kind.gamma) png_set_gAMA(png, info, 1.0);
  png_write_info(png, info);
  if (kind.interlaced) png_set_interlace_handling(png);
  std::vector<png_bytep> pointers;
  for (auto& row : rows) pointers.push_back(row.data());
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

TEST_CASE("grey and RGB pictures round-trip") {
  for (const std::uint32_t channels : {1u, 3u})
    for (const auto& [height, width] :
         {std::pair{1u, 1u}, {5u, 7u}, {64u, 3u}}) {
      CAPTURE(channels);
      CAPTURE(height);
      const Picture picture = sample(channels, height, width);
      const Picture back = read_png(write_png(picture), "x");
      CHECK(back.channels == channels);
      CHECK(back.height == height);
      CHECK(back.width == width);
      CHECK(back.pixels == picture.pixels);
    }
}

TEST_CASE("the same picture gives the same bytes") {
  CHECK(write_png(sample(3, 9, 9)) == write_png(sample(3, 9, 9)));
}

TEST_CASE("a palette becomes RGB and its transparency is dropped") {
  for (const bool transparent : {false, true}) {
    const Picture picture = read_png(
        make_png({PNG_COLOR_TYPE_PALETTE, 8, transparent}, 3, {{0, 1, 2}}),
        "x");
    CHECK(picture.channels == 3);
    CHECK(picture.pixels ==
          std::vector<std::uint8_t>{1, 2, 3, 40, 50, 60, 7, 7, 7});
  }
}

TEST_CASE("alpha is dropped, not mixed in") {
  const Picture grey = read_png(
      make_png({PNG_COLOR_TYPE_GRAY_ALPHA, 8}, 2, {{10, 0, 20, 255}}), "x");
  CHECK(grey.channels == 1);
  CHECK(grey.pixels == std::vector<std::uint8_t>{10, 20});
  const Picture rgb =
      read_png(make_png({PNG_COLOR_TYPE_RGBA, 8}, 1, {{1, 2, 3, 4}}), "x");
  CHECK(rgb.channels == 3);
  CHECK(rgb.pixels == std::vector<std::uint8_t>{1, 2, 3});
}

TEST_CASE("16 bits are scaled to 8 and 1 bit to 0 and 255") {
  const Picture wide =
      read_png(make_png({PNG_COLOR_TYPE_GRAY, 16}, 3,
                        {{0x00, 0x7f, 0x80, 0x80, 0xff, 0xff}}),
               "x");
  // round(value * 255 / 65535)
  CHECK(wide.pixels == std::vector<std::uint8_t>{0, 128, 255});
  const Picture narrow =
      read_png(make_png({PNG_COLOR_TYPE_GRAY, 1}, 4, {{0xA0}}), "x");
  CHECK(narrow.pixels == std::vector<std::uint8_t>{255, 0, 255, 0});
}

TEST_CASE("a gamma in the file changes no value") {
  Kind kind{PNG_COLOR_TYPE_GRAY, 8};
  kind.gamma = true;
  CHECK(read_png(make_png(kind, 3, {{3, 100, 200}}), "x").pixels ==
        std::vector<std::uint8_t>{3, 100, 200});
}

TEST_CASE("an interlaced picture is read") {
  Kind kind{PNG_COLOR_TYPE_GRAY, 8};
  kind.interlaced = true;
  std::vector<std::vector<png_byte>> rows(9, std::vector<png_byte>(9));
  std::vector<std::uint8_t> expected;
  for (auto& row : rows)
    for (auto& pixel : row)
      expected.push_back(pixel = static_cast<png_byte>(expected.size() * 3));
  CHECK(read_png(make_png(kind, 9, rows), "x").pixels == expected);
}

TEST_CASE("every truncation is refused and named") {
  const auto bytes = write_png(sample(1, 6, 6));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    says(error_of(Status::format,
                  [&] { read_png(std::span(bytes).first(size), "cut.png"); }),
         "cut.png");
  }
}

TEST_CASE("a changed byte anywhere is refused") {
  const auto bytes = write_png(sample(3, 6, 6));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    CAPTURE(i);
    auto damaged = bytes;
    damaged[i] ^= std::byte{0x01};
    error_of(Status::format, [&] { read_png(damaged, "x"); });
  }
}

TEST_CASE(
    "a picture that announces gigabytes is refused before they are used") {
  // A correct header (sizes 65535 x 65535, RGB) and a first, empty data chunk.
  const std::vector<std::byte> small =
      make_png({PNG_COLOR_TYPE_RGB, 8}, 1, {{1, 2, 3}});
  std::vector<std::byte> huge = small;
  const png_byte size[] = {0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff};
  for (std::size_t i = 0; i < 8; ++i) huge[16 + i] = std::byte{size[i]};
  // The header chunk's checksum covers its type and 13 bytes.
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(&huge[12]), 17);
  for (std::size_t i = 0; i < 4; ++i)
    huge[29 + i] = static_cast<std::byte>(sum >> (24 - 8 * i));
  says(error_of(Status::format, [&] { read_png(huge, "huge.png"); }),
       "at most 1073741824");
}

TEST_CASE("a picture that cannot be a PNG is an error") {
  says(error_of(Status::format, [] { read_png(to_bytes("GIF89a"), "a.png"); }),
       "a.png");
  says(error_of(Status::argument, [] { write_png(sample(2, 4, 4)); }),
       "2 channels");
  says(error_of(Status::argument, [] { write_png(sample(1, 0, 4)); }), "4x0");
  Picture wrong = sample(1, 4, 4);
  wrong.pixels.pop_back();
  says(error_of(Status::argument, [&] { write_png(wrong); }),
       "16 bytes has 15");
}

}  // namespace
}  // namespace vae::io
