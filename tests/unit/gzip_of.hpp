// Gzip for tests, through zlib's own writer; the library only reads.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>
#include <vector>

#include "unit/testing.hpp"

namespace vae::testing {

inline std::vector<std::byte> gzip_of(std::span<const std::byte> bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  std::vector<std::byte> out(
      deflateBound(&stream, static_cast<uLong>(bytes.size())));
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace vae::testing
