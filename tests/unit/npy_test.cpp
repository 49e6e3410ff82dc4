// NumPy's format: the header byte by byte, and arrays from vectors. npy_interop
// checks that NumPy reads them.
#include "io/npy.hpp"

#include "unit/testing.hpp"
#include "vae/array.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::says;
using testing::slurp;
using testing::TempFolder;

std::string header(ElementType type, std::vector<std::uint64_t> shape) {
  return npy_header(type, shape);
}

TEST_CASE("a header says type and shape, and ends at a multiple of 64") {
  const std::string text =
      "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  CHECK(header(ElementType::uint8, {3}) ==
        std::string("\x93NUMPY\1\0\x76\0", 10) + text +
            std::string(128 - 10 - text.size() - 1, ' ') + "\n");
  says(header(ElementType::int64, {2, 3, 4}), "'<i8'");
  says(header(ElementType::int64, {2, 3, 4}), "(2, 3, 4)");
  for (std::uint64_t size = 1; size < std::uint64_t{1} << 61; size *= 2) {
    const std::string whole = header(ElementType::float32, {size, 1, 1, 1});
    CHECK(whole.size() % 64 == 0);
    CHECK(whole.back() == '\n');
    CHECK(static_cast<unsigned char>(whole[8]) +
              256 * static_cast<unsigned char>(whole[9]) ==
          whole.size() - 10);
  }
}

TEST_CASE("bytes of an array, up to the address space") {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 63) - 1;
  CHECK(npy_bytes(ElementType::uint8, std::vector{kMost}) == kMost);
  says(error_of(Status::argument,
                [&] { npy_bytes(ElementType::float32, std::vector{kMost}); }),
       "at most 9223372036854775807 bytes");
  says(error_of(Status::argument,
                [] { header(static_cast<ElementType>(7), {1}); }),
       "the type is 7; allowed are 1 (uint8), 2 (float32), 3 (int64)");
}

TEST_CASE("vectors are written unchanged; a failed call leaves no file") {
  const TempFolder folder;
  const std::string path = folder / "a.npy";
  const std::vector<float> numbers{1, 2, 3, 4, 5, 6};
  write_array(path, numbers, {3, 2});
  const std::string file = slurp(path);
  CHECK(file == header(ElementType::float32, {3, 2}) +
                    std::string(reinterpret_cast<const char*>(numbers.data()),
                                numbers.size() * sizeof(float)));
  says(error_of(Status::argument,
                [&] {
                  write_array(path, numbers, {3, 3});
                }),
       "bytes is 24; an array of the shape (3, 3) has 36");
  CHECK(slurp(path) == file);
  write_array(path, std::vector<std::uint8_t>{7, 8}, {2});
  CHECK(slurp(path) == header(ElementType::uint8, {2}) + "\x07\x08");
  write_array(path, std::vector<std::int64_t>{-1}, {1, 1});
  CHECK(slurp(path).ends_with(std::string(8, '\xff')));
  CHECK(folder.names() == std::vector<std::string>{"a.npy"});
}

}  // namespace
}  // namespace vae::io
