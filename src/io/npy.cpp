// NumPy's format 1.0 and vae::write_array. See numpy.lib.format. A file is: the
// magic number, the version, the length of the header as uint16, the header (a
// Python dictionary as text, padded and ended by a newline), the elements.
#include "io/npy.hpp"

#include <bit>
#include <limits>

#include "base/check.hpp"
#include "io/file.hpp"
#include "vae/array.hpp"

namespace vae::io {
namespace {

static_assert(
    std::endian::native == std::endian::little,
    "the types below are little-endian and written without conversion");

constexpr std::size_t kMaxRank = 8;  // as vae_param.shape
constexpr std::size_t kAlignment = 64;

/// NumPy's name of a type.
const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "|u1";
    case ElementType::float32:
      return "<f4";
    case ElementType::int64:
      return "<i8";
  }
  fail(Status::argument, "the type is ", static_cast<std::int32_t>(type),
       "; allowed are 1 (uint8), 2 (float32), 3 (int64)");
}

/// A Python tuple: "(3, 4)" or "(3,)".
std::string tuple_of(std::span<const std::uint64_t> shape) {
  std::string text = "(";
  for (const std::uint64_t size : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace

std::uint64_t npy_bytes(ElementType type,
                        std::span<const std::uint64_t> shape) {
  // NumPy's sizes are signed.
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  name_of(type);  // throws for an unknown type
  require(shape.size() >= 1 && shape.size() <= kMaxRank, Status::argument,
          "the shape has ", shape.size(), " dimensions; 1 to ", kMaxRank,
          " are allowed");
  // Division before each multiplication, so that the product cannot overflow.
  std::uint64_t bytes = element_size(type);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    require(shape[i] >= 1, Status::argument, "shape[", i,
            "] is 0; at least 1 is allowed");
    require(shape[i] <= kMost / bytes, Status::argument, "the shape is ",
            tuple_of(shape), "; at most ", kMost, " bytes are allowed");
    bytes *= shape[i];
  }
  return bytes;
}

std::string npy_header(ElementType type, std::span<const std::uint64_t> shape) {
  npy_bytes(type, shape);
  std::string text = std::string("{'descr': '") + name_of(type) +
                     "', 'fortran_order': False, 'shape': " + tuple_of(shape) +
                     ", }";
  // Elements begin at a multiple of 64 bytes, as in files that NumPy writes, so
  // that they are aligned where a file is mapped to memory.
  constexpr std::size_t kBefore = 10;  // magic, version, length of the text
  const std::size_t used = kBefore + text.size() + 1;
  text.append((kAlignment - used % kAlignment) % kAlignment, ' ');
  text += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) +
         static_cast<char>(text.size() & 0xff) +
         static_cast<char>(text.size() >> 8) + text;
}

}  // namespace vae::io

namespace vae {

void write_array(const std::string& path, std::span<const std::byte> bytes,
                 ElementType type, std::span<const std::uint64_t> shape) {
  const std::uint64_t needed = io::npy_bytes(type, shape);
  require(bytes.size() == needed, Status::argument, "bytes is ", bytes.size(),
          "; an array of the shape ", io::tuple_of(shape), " has ", needed);
  const std::string header = io::npy_header(type, shape);
  io::write_file_atomically(path, {std::as_bytes(std::span(header)), bytes});
}

}  // namespace vae
