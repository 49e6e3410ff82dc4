// Gzip: complete members are decompressed, anything else is an error.
#include "io/gzip.hpp"

#include <zlib.h>

#include "unit/gzip_of.hpp"
#include "unit/testing.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::gzip_of;
using testing::says;
using testing::to_bytes;

std::vector<std::byte> sample(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint32_t state = 1;
  for (std::byte& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 28);
  }
  return bytes;
}

TEST_CASE("data of any size is decompressed") {
  for (const std::size_t size : {0, 1, 65535, 65536, 65537, 1 << 20}) {
    CAPTURE(size);
    const auto bytes = sample(size);
    CHECK(gunzip(gzip_of(bytes), "x") == bytes);
  }
}

TEST_CASE("several members are concatenated") {
  auto both = gzip_of(to_bytes("first "));
  const auto second = gzip_of(to_bytes("second"));
  both.insert(both.end(), second.begin(), second.end());
  CHECK(gunzip(both, "x") == to_bytes("first second"));
}

TEST_CASE("every truncation is refused") {
  const auto packed = gzip_of(sample(2000));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CAPTURE(size);
    says(error_of(Status::format,
                  [&] { gunzip(std::span(packed).first(size), "cut.gz"); }),
         "cut.gz");
  }
}

TEST_CASE("a changed byte of data or checksum is refused") {
  const auto packed = gzip_of(sample(2000));
  // The first ten bytes are a header whose time and system are ignored.
  for (std::size_t i = 10; i < packed.size(); ++i) {
    CAPTURE(i);
    auto damaged = packed;
    damaged[i] ^= std::byte{0x01};  // high bits of the last may be unused
    error_of(Status::format, [&] { gunzip(damaged, "bad.gz"); });
  }
}

TEST_CASE("bytes after the end are refused") {
  for (const char* tail : {"x", "garbage", "\x1f"}) {
    auto packed = gzip_of(sample(100));
    const auto more = to_bytes(tail);
    packed.insert(packed.end(), more.begin(), more.end());
    says(error_of(Status::format, [&] { gunzip(packed, "a.gz"); }),
         "after the end");
  }
}

TEST_CASE("decompression stops at the limit") {
  const auto packed = gzip_of(std::vector<std::byte>(10'000'000));
  REQUIRE(packed.size() < 20'000);
  CHECK(gunzip(packed, "x", 10'000'000).size() == 10'000'000);
  says(error_of(Status::format, [&] { gunzip(packed, "x", 9'999'999); }),
       "more than 9999999");
  says(error_of(Status::format, [&] { gunzip(packed, "x", 1000); }),
       "more than 1000");
}

TEST_CASE("data of other formats is not gzip") {
  CHECK_FALSE(is_gzip({}));
  CHECK_FALSE(is_gzip(to_bytes("\x1f")));
  CHECK(is_gzip(gzip_of({})));
  says(error_of(Status::format, [] { gunzip(to_bytes("hello"), "x"); }),
       "not gzip");
}

}  // namespace
}  // namespace vae::io
