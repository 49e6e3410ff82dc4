// PNG folders: the order, the labels, one shape, and errors that name the file.
#include "data/image_folder.hpp"

#include "io/png.hpp"
#include "unit/testing.hpp"

namespace vae::data {
namespace {

using testing::error_of;
using testing::put;
using testing::says;
using testing::TempFolder;
using testing::to_bytes;

std::vector<std::byte> png_of(std::uint8_t value, std::uint32_t channels = 1,
                              std::uint32_t height = 2,
                              std::uint32_t width = 2) {
  io::Picture picture{channels, height, width, {}};
  picture.pixels.assign(std::size_t{channels} * height * width, value);
  return io::write_png(picture);
}

/// The first byte of each image, which identifies it.
std::vector<int> first_bytes(const Images& images) {
  std::vector<int> found;
  for (std::uint64_t i = 0; i < images.count; ++i)
    found.push_back(
        std::to_integer<int>(images.rows[i * images.row_elements()]));
  return found;
}

TEST_CASE("numbers in names sort as numbers") {
  CHECK(natural_less("2.png", "10.png"));
  CHECK_FALSE(natural_less("10.png", "2.png"));
  CHECK(natural_less("a2b9", "a2b10"));
  CHECK(natural_less("a", "b"));
  CHECK(natural_less("a", "a1"));
  CHECK(natural_less("", "a"));
  CHECK(natural_less("1a", "a1"));
  CHECK(natural_less("99999999999999999999998", "99999999999999999999999"));
  CHECK(natural_less("image007", "image8"));
  CHECK(natural_less("0", "1"));
  CHECK_FALSE(natural_less("x1", "x1"));
  CHECK(natural_less("01", "1") != natural_less("1", "01"));
}

TEST_CASE("files of one folder come in natural order without labels") {
  const TempFolder folder;
  for (const int i : {10, 9, 1, 100})
    put(folder / (std::to_string(i) + ".png"),
        png_of(static_cast<std::uint8_t>(i)));
  put(folder / "20.PNG", png_of(20));
  put(folder / "notes.txt", to_bytes("not a picture"));
  put(folder / ".hidden.png", to_bytes("not a picture either"));
  std::filesystem::create_directory(folder / "unrelated");
  const Images images = read_image_folder(folder.path());
  CHECK(first_bytes(images) == std::vector<int>{1, 9, 10, 20, 100});
  CHECK(images.shape == Shape{1, 2, 2});
  CHECK(images.labels.empty());
  CHECK(images.classes == 0);
}

TEST_CASE("subfolders in natural order are the labels") {
  const TempFolder folder;
  put(folder / "10/a.png", png_of(3));
  put(folder / "9/b.png", png_of(2));
  put(folder / "9/a.png", png_of(1));
  const Images images = read_image_folder(folder.path());
  CHECK(first_bytes(images) == std::vector<int>{1, 2, 3});
  CHECK(images.labels == std::vector<std::int32_t>{0, 0, 1});
  CHECK(images.classes == 2);
}

TEST_CASE("RGB pictures are stored channel by channel") {
  const TempFolder folder;
  put(folder / "a.png", io::write_png({3, 1, 2, {1, 2, 3, 4, 5, 6}}));
  const Images images = read_image_folder(folder.path());
  CHECK(images.shape == Shape{3, 1, 2});
  std::vector<int> stored;
  for (const std::byte byte : images.rows)
    stored.push_back(std::to_integer<int>(byte));
  CHECK(stored == std::vector<int>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("a picture of another shape is named with both shapes") {
  const TempFolder folder;
  put(folder / "1.png", png_of(1));
  put(folder / "2.png", png_of(2, 1, 2, 3));
  std::string text =
      error_of(Status::format, [&] { read_image_folder(folder.path()); });
  says(text, "2.png");
  says(text, "1x2x3");
  says(text, "1x2x2");
  put(folder / "2.png", png_of(2, 3));
  text = error_of(Status::format, [&] { read_image_folder(folder.path()); });
  says(text, "3x2x2");
}

TEST_CASE("a broken picture is named") {
  const TempFolder folder;
  put(folder / "0/good.png", png_of(1));
  put(folder / "1/broken.png", to_bytes("not a PNG"));
  says(error_of(Status::format, [&] { read_image_folder(folder.path()); }),
       "1/broken.png");
}

TEST_CASE("a label without pictures is refused, not skipped") {
  const TempFolder folder;
  put(folder / "0/a.png", png_of(1));
  put(folder / "1/a.jpg", to_bytes("x"));
  says(error_of(Status::format, [&] { read_image_folder(folder.path()); }),
       folder / "1");
}

TEST_CASE("a folder without images is an error that lists what is accepted") {
  const TempFolder folder;
  says(error_of(Status::format, [&] { read_image_folder(folder.path()); }),
       "neither MNIST's files, nor PNG files");
  says(error_of(Status::file, [&] { read_image_folder(folder / "none"); }),
       "No such file");
}

TEST_CASE("circular and dangling links do not hang") {
  const TempFolder folder;
  put(folder / "0/a.png", png_of(5));
  std::filesystem::create_directory_symlink("..", folder / "0/up");
  std::filesystem::create_symlink("self", folder / "0/self");
  CHECK(first_bytes(read_image_folder(folder.path())) == std::vector<int>{5});
  std::filesystem::create_symlink("gone", folder / "0/gone.png");
  says(error_of(Status::file, [&] { read_image_folder(folder.path()); }),
       "gone.png");
}

}  // namespace
}  // namespace vae::data
