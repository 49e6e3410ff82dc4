// IDX: a file must have exactly the bytes that its header announces.
#include "data/idx.hpp"

#include "unit/gzip_of.hpp"
#include "unit/idx_of.hpp"
#include "unit/testing.hpp"

namespace vae::data {
namespace {

using testing::counting;
using testing::error_of;
using testing::gzip_of;
using testing::idx_of;
using testing::put;
using testing::says;
using testing::TempFolder;
using testing::to_bytes;

TEST_CASE("sizes are big-endian and the numbers follow them") {
  const auto bytes = idx_of({2, 3, 4}, counting(24));
  const Idx idx = parse_idx(bytes, "x");
  CHECK(idx.sizes == std::vector<std::uint32_t>{2, 3, 4});
  REQUIRE(idx.numbers.size() == 24);
  CHECK(idx.numbers[23] == std::byte{23});
  const std::vector<std::uint8_t> many(0x0102);
  CHECK(parse_idx(idx_of({0x0102}, many), "x").sizes[0] == 258);
}

TEST_CASE("every truncation and every extra byte is refused") {
  auto bytes = idx_of({2, 3, 4}, counting(24));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    says(error_of(Status::format,
                  [&] { parse_idx(std::span(bytes).first(size), "cut"); }),
         "cut ");
  }
  bytes.push_back(std::byte{0});
  const std::string text =
      error_of(Status::format, [&] { parse_idx(bytes, "x"); });
  says(text, "2x3x4");
  says(text, "25");
}

TEST_CASE("sizes whose product overflows are refused") {
  // 2^32 * 2^32 wraps to 0, and so do 2^31 * 2^31 * 4 and 65536^4.
  for (const std::vector<std::uint32_t>& sizes :
       {std::vector<std::uint32_t>{0x80000000, 0x80000000, 4},
        {0x10000, 0x10000, 0x10000, 0x10000},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}) {
    says(error_of(Status::format, [&] { parse_idx(idx_of(sizes, {}), "x"); }),
         "but has 0");
    says(error_of(Status::format,
                  [&] { parse_idx(idx_of(sizes, counting(8)), "x"); }),
         "but has 8");
  }
}

TEST_CASE("another magic, type or rank is refused by its value") {
  says(
      error_of(Status::format, [] { parse_idx(to_bytes("\x89PNG\r\n"), "x"); }),
      "0x89504e47");
  says(error_of(Status::format,
                [] { parse_idx(idx_of({4}, counting(4), 0x0D), "x"); }),
       "type 13");
  says(error_of(Status::format, [] { parse_idx(idx_of({}, {}), "x"); }),
       "0 dimensions");
  says(error_of(Status::format,
                [] {
                  parse_idx(idx_of({1, 1, 1, 1, 1}, counting(1)), "x");
                }),
       "5 dimensions");
}

TEST_CASE("images of three and four dimensions, gzipped or not") {
  const TempFolder folder;
  const auto grey = idx_of({2, 3, 4}, counting(24));
  put(folder / "grey", grey);
  put(folder / "grey.gz", gzip_of(grey));
  for (const char* name : {"grey", "grey.gz"}) {
    const Images images = read_idx_images(folder / name);
    CHECK(images.shape == Shape{1, 3, 4});
    CHECK(images.count == 2);
    CHECK(images.type == ElementType::uint8);
    REQUIRE(images.rows.size() == 24);
    CHECK(images.rows[0] == std::byte{0});
    CHECK(images.rows[23] == std::byte{23});
    CHECK(images.labels.empty());
  }
  put(folder / "rgb", idx_of({2, 3, 2, 2}, counting(24)));
  CHECK(read_idx_images(folder / "rgb").shape == Shape{3, 2, 2});
}

TEST_CASE("labels are one dimension of bytes") {
  const TempFolder folder;
  put(folder / "labels", idx_of({3}, std::vector<std::uint8_t>{7, 0, 255}));
  CHECK(read_idx_labels(folder / "labels") ==
        std::vector<std::int32_t>{7, 0, 255});
}

TEST_CASE("labels given as images, and images as labels, are errors") {
  const TempFolder folder;
  put(folder / "labels", idx_of({3}, counting(3)));
  put(folder / "images", idx_of({1, 2, 2}, counting(4)));
  says(error_of(Status::format, [&] { read_idx_images(folder / "labels"); }),
       "1 dimensions (labels)");
  says(error_of(Status::format, [&] { read_idx_labels(folder / "images"); }),
       "3 dimensions");
}

TEST_CASE("no images and images without pixels are refused") {
  const TempFolder folder;
  for (const std::vector<std::uint32_t>& sizes :
       {std::vector<std::uint32_t>{0, 28, 28}, {5, 0, 28}, {5, 28, 0}}) {
    put(folder / "a", idx_of(sizes, {}));
    says(error_of(Status::format, [&] { read_idx_images(folder / "a"); }),
         "at least one image");
  }
}

}  // namespace
}  // namespace vae::data
