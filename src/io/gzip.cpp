// See gzip.hpp. A gzip file may have several members, each with a checksum that
// inflate() compares. Bytes after the last member are an error.
#include "io/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

#include "base/check.hpp"

namespace vae::io {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;  // 16: no raw or zlib streams
constexpr std::size_t kPiece = std::size_t{1} << 28;  // fits zlib's uInt
constexpr std::size_t kFirstCapacity = std::size_t{1} << 16;

/// zlib's stream, freed on every path.
class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

// Z_BUF_ERROR means no progress: the output is never full here, so the input
// has ended.
[[noreturn]] void fail_inflate(int code, const z_stream& stream,
                               const std::string& origin) {
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
  if (code == Z_BUF_ERROR)
    fail(Status::format, origin, ": gzip data is truncated");
  fail(Status::format, origin, ": gzip data is corrupt: ",
       stream.msg != nullptr ? stream.msg : "unknown reason");
}

/// Inflates one member to out[used...] and returns its compressed size. `out`
/// grows by doubling, because the size in a gzip trailer is modulo 2^32 and
/// untrusted.
std::size_t inflate_member(Inflater& inflater, std::span<const std::byte> bytes,
                           std::vector<std::byte>& out, std::size_t& used,
                           std::uint64_t limit, const std::string& origin) {
  z_stream& stream = inflater.stream();
  std::size_t taken = 0;
  for (;;) {
    if (used == out.size()) {
      // The buffer grows to limit + 1 bytes, to detect output beyond the limit.
      require(used <= limit, Status::format, origin,
              " decompresses to more than ", limit, " bytes");
      out.resize(static_cast<std::size_t>(std::min<std::uint64_t>(
          std::max(used * 2, kFirstCapacity), limit + 1)));
    }
    // zlib does not write through next_in, although it is not const.
    stream.next_in =
        reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data() + taken));
    stream.avail_in = static_cast<uInt>(std::min(bytes.size() - taken, kPiece));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(std::min(out.size() - used, kPiece));
    const uInt had_in = stream.avail_in, had_out = stream.avail_out;
    const int code = inflate(&stream, Z_NO_FLUSH);
    taken += had_in - stream.avail_in;
    used += had_out - stream.avail_out;
    if (code == Z_STREAM_END) return taken;
    if (code != Z_OK) fail_inflate(code, stream, origin);
  }
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} &&
         bytes[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip(std::span<const std::byte> bytes,
                              const std::string& origin, std::uint64_t limit) {
  Inflater inflater;
  std::vector<std::byte> out;
  std::size_t used = 0;
  do {
    require(is_gzip(bytes), Status::format, origin,
            used == 0 ? " is not gzip data"
                      : ": bytes after the end of the gzip data");
    inflateReset(&inflater.stream());
    bytes = bytes.subspan(
        inflate_member(inflater, bytes, out, used, limit, origin));
  } while (!bytes.empty());
  require(used <= limit, Status::format, origin, " decompresses to more than ",
          limit, " bytes");
  out.resize(used);
  return out;
}

}  // namespace vae::io
