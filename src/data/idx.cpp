// See idx.hpp. A file is: 0, 0, element type, rank, one big-endian uint32 size
// per dimension, elements. The sizes are checked against the real length before
// anything is allocated.
#include "data/idx.hpp"

#include <algorithm>
#include <iomanip>

#include "base/check.hpp"
#include "io/file.hpp"
#include "io/gzip.hpp"

namespace vae::data {
namespace {

constexpr unsigned kUnsignedByte = 0x08;
constexpr std::size_t kMaxRank = 4;  // [count, channels, rows, columns]

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

std::uint32_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  return byte_at(bytes, at) << 24 | byte_at(bytes, at + 1) << 16 |
         byte_at(bytes, at + 2) << 8 | byte_at(bytes, at + 3);
}

std::string sizes_text(const std::vector<std::uint32_t>& sizes) {
  std::string text;
  for (const std::uint32_t size : sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

/// A hint for files of another format that users often pass, or "".
const char* mistaken_for_idx(std::span<const std::byte> bytes) {
  switch (big_endian(bytes, 0)) {
    case 0x89504e47:  // "\x89PNG"
      return "; it is a PNG file, and PNG files are read from a folder of them";
    case 0x504b0304:  // "PK\3\4"
      return "; it is a ZIP file, which must be unpacked first";
    case 0x934e554d:  // "\x93NUM"
      return "; it is a NumPy array";
    default:
      // JPEG's start of image and the first byte of a marker.
      return big_endian(bytes, 0) >> 8 == 0xffd8ff
                 ? "; it is a JPEG file; only PNG files, in a folder, are read"
                 : "";
  }
}

/// The number of dimensions in the four-byte magic number.
std::size_t parse_magic(std::span<const std::byte> bytes,
                        const std::string& origin) {
  require(bytes.size() >= 4, Status::format, origin, " has ", bytes.size(),
          " bytes; an IDX file has at least 4");
  require(byte_at(bytes, 0) == 0 && byte_at(bytes, 1) == 0, Status::format,
          origin, " is not an IDX file: it begins with 0x", std::hex,
          std::setfill('0'), std::setw(8), big_endian(bytes, 0),
          " instead of 0x0000", mistaken_for_idx(bytes));
  require(byte_at(bytes, 2) == kUnsignedByte, Status::format, origin,
          " is an IDX file of type ", byte_at(bytes, 2),
          "; 8 (unsigned bytes) is allowed");
  const std::size_t rank = byte_at(bytes, 3);
  require(rank >= 1 && rank <= kMaxRank, Status::format, origin,
          " is an IDX file of ", rank, " dimensions; 1 to ", kMaxRank,
          " are allowed");
  return rank;
}

// Decided by content, because downloads often lose the suffix .gz.
std::vector<std::byte> read_plain(const std::string& path) {
  std::vector<std::byte> bytes = io::read_file(path);
  return io::is_gzip(bytes) ? io::gunzip(bytes, path) : bytes;
}

}  // namespace

Idx parse_idx(std::span<const std::byte> bytes, const std::string& origin) {
  const std::size_t rank = parse_magic(bytes, origin);
  const std::size_t header = 4 + 4 * rank;
  require(bytes.size() >= header, Status::format, origin, " has ", bytes.size(),
          " bytes; its header alone has ", header);
  Idx idx;
  for (std::size_t i = 0; i < rank; ++i)
    idx.sizes.push_back(big_endian(bytes, 4 + 4 * i));
  idx.numbers = bytes.subspan(header);

  // Dividing the size at hand cannot overflow; multiplying the claimed sizes
  // could.
  std::uint64_t left = idx.numbers.size();
  const bool empty =
      std::find(idx.sizes.begin(), idx.sizes.end(), 0u) != idx.sizes.end();
  bool fits = !empty || left == 0;
  for (std::size_t i = 0; i < rank && !empty && fits; ++i) {
    fits = left % idx.sizes[i] == 0;
    left /= idx.sizes[i];
  }
  require(fits && (empty || left == 1), Status::format, origin, " announces ",
          sizes_text(idx.sizes), " bytes but has ", idx.numbers.size());
  return idx;
}

// [count, H, W] or [count, C, H, W] -> rows [count, C, H, W], uint8
Images read_idx_images(const std::string& path) {
  std::vector<std::byte> bytes = read_plain(path);
  const Idx idx = parse_idx(bytes, path);
  const std::size_t rank = idx.sizes.size();
  require(rank >= 3, Status::format, path, " is an IDX file of ", rank,
          " dimensions", rank == 1 ? " (labels)" : "", "; images have 3 or 4");
  require(!idx.numbers.empty(), Status::format, path, " announces ",
          sizes_text(idx.sizes), " bytes; at least one image is needed");
  Images images;
  images.shape = {rank == 4 ? idx.sizes[1] : 1, idx.sizes[rank - 2],
                  idx.sizes[rank - 1]};
  images.type = ElementType::uint8;
  images.count = idx.sizes[0];
  // The file's buffer becomes the dataset's, without a second copy in memory.
  const auto header =
      static_cast<std::ptrdiff_t>(bytes.size() - idx.numbers.size());
  bytes.erase(bytes.begin(), bytes.begin() + header);
  images.rows = std::move(bytes);
  return images;
}

std::vector<std::int32_t> read_idx_labels(const std::string& path) {
  const std::vector<std::byte> bytes = read_plain(path);
  const Idx idx = parse_idx(bytes, path);
  require(idx.sizes.size() == 1, Status::format, path, " is an IDX file of ",
          idx.sizes.size(), " dimensions; labels have 1");
  std::vector<std::int32_t> labels(idx.numbers.size());
  std::transform(idx.numbers.begin(), idx.numbers.end(), labels.begin(),
                 [](std::byte b) { return std::to_integer<std::int32_t>(b); });
  return labels;
}

}  // namespace vae::data
