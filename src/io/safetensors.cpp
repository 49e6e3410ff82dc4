// See safetensors.hpp. A file is: the header's length as uint64, a JSON header,
// the data. Every length is checked against the size of the file before
// anything is allocated or copied.
#include "io/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.hpp"
#include "io/safetensors_header.hpp"

namespace vae::io {
namespace {

static_assert(
    std::endian::native == std::endian::little,
    "the format's data are little-endian and used without conversion");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference's own limit
// No data section is that large, so a tensor of this size is always rejected.
constexpr std::uint64_t kOverflow = std::numeric_limits<std::uint64_t>::max();

/// Bytes of a tensor, or kOverflow.
std::uint64_t tensor_bytes(const std::vector<std::int64_t>& shape,
                           std::uint64_t element) {
  std::uint64_t bytes = element;
  // An empty tensor is valid, whatever its other sides are.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  for (const std::int64_t side : shape) {
    if (side < 0) return kOverflow;
    const auto factor = static_cast<std::uint64_t>(side);
    if (bytes > (kOverflow - 1) / factor) return kOverflow;
    bytes *= factor;
  }
  return bytes;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t side : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

/// Checks a tensor's type, range and size against the data section.
void check_entry(const TensorEntry& entry, std::uint64_t data_bytes,
                 const std::string& origin) {
  const auto refuse = [&](const auto&... text) {
    fail(Status::format, origin, ": tensor '", entry.name, "' ", text...);
  };
  const std::uint64_t element = dtype_size(entry.dtype);
  if (element == 0) refuse("has the unknown type '", entry.dtype, "'");
  if (entry.begin > entry.end || entry.end > data_bytes)
    refuse("lies at bytes ", entry.begin, " to ", entry.end,
           "; the file has data for 0 to ", data_bytes);
  const std::uint64_t needed = tensor_bytes(entry.shape, element);
  if (needed != entry.end - entry.begin)
    refuse("of type ", entry.dtype, " and shape ", shape_text(entry.shape),
           " does not fit into its ", entry.end - entry.begin, " bytes");
}

/// Checks that the tensors cover the data without gaps or overlaps, as the
/// format requires: a gap could hide data, an overlap could share it.
void check_cover(std::vector<TensorEntry>& entries, std::uint64_t data_bytes,
                 const std::string& origin) {
  std::sort(entries.begin(), entries.end(),
            [](const TensorEntry& a, const TensorEntry& b) {
              return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
            });
  std::uint64_t covered = 0;
  for (const TensorEntry& entry : entries) {
    require(entry.begin == covered, Status::format, origin, ": tensor '",
            entry.name, "' begins at byte ", entry.begin,
            " of the data, where the one before ends at ", covered);
    covered = entry.end;
  }
  require(covered == data_bytes, Status::format, origin, ": ",
          data_bytes - covered, " bytes after the last tensor");
}

/// The JSON header, after its length was checked.
std::string_view header_text(std::span<const std::byte> bytes,
                             const std::string& origin) {
  require(bytes.size() >= kLengthBytes, Status::format, origin, " has ",
          bytes.size(), " bytes; a safetensors file has at least ",
          kLengthBytes);
  const std::string_view whole(reinterpret_cast<const char*>(bytes.data()),
                               bytes.size());
  // Both are also possible header lengths, so check for the brace of a header.
  const bool pytorch =
      whole.starts_with("PK\x03\x04") || whole.starts_with("\x80\x02\x8a\x0a");
  require(!pytorch || whole.substr(kLengthBytes).starts_with('{'),
          Status::format, origin,
          " is not a safetensors file but one of PyTorch's torch.save(); in "
          "Python, safetensors.torch.save_file(model.state_dict(), NAME) "
          "writes one");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const std::uint64_t most = bytes.size() - kLengthBytes;
  require(length <= kMaxHeader && length <= most, Status::format, origin,
          " is not a safetensors file: it claims a header of ", length,
          " bytes; at most ", std::min(kMaxHeader, most), " are possible");
  const std::string_view text(
      reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  require(text.starts_with('{'), Status::format, origin,
          " is not a safetensors file: its header does not begin with '{'");
  return text;
}

/// Positions of the tensors in a file, in order of decreasing element size, so
/// that each is aligned.
std::vector<TensorEntry> place_tensors(const TensorFile& file) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : file.tensors) {
    const std::uint64_t element = dtype_size(tensor.dtype);
    require(element > 0, Status::argument, "tensor '", name,
            "' has the unknown type '", tensor.dtype, "'");
    require(tensor_bytes(tensor.shape, element) == tensor.data.size(),
            Status::argument, "tensor '", name, "' of type ", tensor.dtype,
            " and shape ", shape_text(tensor.shape), " has ",
            tensor.data.size(), " bytes");
    require(name != "__metadata__", Status::argument,
            "a tensor cannot have the name '__metadata__'");
    entries.push_back({name, tensor.dtype, tensor.shape});
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const TensorEntry& a, const TensorEntry& b) {
                     return dtype_size(a.dtype) > dtype_size(b.dtype);
                   });
  std::uint64_t offset = 0;
  for (TensorEntry& entry : entries) {
    entry.begin = offset;
    offset += file.tensors.at(entry.name).data.size();
    entry.end = offset;
  }
  return entries;
}

// IEEE binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. The
// bias of float32 is 127, hence exponent + 112.
float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1Fu;
  const std::uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

// memcpy, because data of a tensor need not be aligned for T.
template <class T, class Convert>
std::vector<float> convert(const Tensor& tensor, Convert to_float) {
  std::vector<float> out(tensor.data.size() / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, tensor.data.data() + i * sizeof value, sizeof value);
    out[i] = to_float(value);
  }
  return out;
}

}  // namespace

// A few entries, so a linear search.
std::uint64_t dtype_size(std::string_view dtype) noexcept {
  struct Known {
    std::string_view name;
    std::uint64_t size;
  };
  static constexpr Known kKnown[] = {
      {"F32", 4},  {"I64", 8},     {"F64", 8},     {"F16", 2},
      {"BF16", 2}, {"U8", 1},      {"I8", 1},      {"BOOL", 1},
      {"I16", 2},  {"U16", 2},     {"I32", 4},     {"U32", 4},
      {"U64", 8},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"C64", 8},
  };
  for (const Known& known : kKnown)
    if (known.name == dtype) return known.size;
  return 0;
}

// Length, header padded with blanks to 8 bytes, data in the order of the
// entries.
std::vector<std::byte> write_safetensors(const TensorFile& file) {
  const TensorHeader header{file.metadata, place_tensors(file)};
  std::string text = format_tensor_header(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // aligns the data
  require(text.size() <= kMaxHeader, Status::argument,
          "a safetensors header of ", text.size(), " bytes; at most ",
          kMaxHeader, " are allowed");

  const std::uint64_t length = text.size();
  const std::uint64_t data =
      header.entries.empty() ? 0 : header.entries.back().end;
  std::vector<std::byte> bytes(kLengthBytes + length + data);
  std::memcpy(bytes.data(), &length, kLengthBytes);
  std::memcpy(bytes.data() + kLengthBytes, text.data(), length);
  auto to = bytes.begin() + static_cast<std::ptrdiff_t>(kLengthBytes + length);
  for (const TensorEntry& entry : header.entries) {
    const std::vector<std::byte>& from = file.tensors.at(entry.name).data;
    to = std::copy(from.begin(), from.end(), to);
  }
  return bytes;
}

// Copies tensors only after all entries and the cover were checked.
TensorFile read_safetensors(std::span<const std::byte> bytes,
                            const std::string& origin) {
  const std::string_view text = header_text(bytes, origin);
  TensorHeader header = parse_tensor_header(text, origin);
  const auto data = bytes.subspan(kLengthBytes + text.size());
  for (const TensorEntry& entry : header.entries)
    check_entry(entry, data.size(), origin);
  check_cover(header.entries, data.size(), origin);

  TensorFile file;
  file.metadata = std::move(header.metadata);
  for (TensorEntry& entry : header.entries) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    file.tensors[std::move(entry.name)] = {std::move(entry.dtype),
                                           std::move(entry.shape),
                                           {part.begin(), part.end()}};
  }
  return file;
}

std::vector<float> to_float(const Tensor& tensor, const std::string& name,
                            const std::string& origin) {
  if (tensor.dtype == "F32")
    return convert<float>(tensor, [](float value) { return value; });
  if (tensor.dtype == "F64")
    return convert<double>(
        tensor, [](double value) { return static_cast<float>(value); });
  if (tensor.dtype == "F16")
    return convert<std::uint16_t>(tensor, half_to_float);
  if (tensor.dtype == "BF16")
    return convert<std::uint16_t>(tensor, [](std::uint16_t value) {
      return std::bit_cast<float>(std::uint32_t{value} << 16);
    });
  fail(Status::format, origin, ": tensor '", name, "' has the type ",
       tensor.dtype, "; F32, F64, F16 and BF16 are allowed");
}

}  // namespace vae::io
