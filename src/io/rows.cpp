// See rows.hpp. Works in place on the caller's memory, one image at a time.
#include "io/rows.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.hpp"

namespace vae::io {
namespace {

/// memcpy, because `at` need not be aligned for T.
template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// uint8 -> float: v / 255; float -> uint8: round(255 v), clipped.
template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<To, float>) {
    return static_cast<float>(value) / 255.0f;
  } else {
    const float scaled = value * 255.0f + 0.5f;  // as torchvision rounds
    if (!(scaled > 0.0f)) return 0;              // also NaN
    return scaled >= 255.0f ? To{255} : static_cast<To>(scaled);
  }
}

/// Strides of an image in elements: [C, H, W] or [H, W, C].
struct Strides {
  std::size_t channel, row, column;
  Strides(Layout layout, const Shape& shape)
      : channel(layout == Layout::chw ? std::size_t{shape[1]} * shape[2] : 1),
        row(layout == Layout::chw ? shape[2]
                                  : std::size_t{shape[2]} * shape[0]),
        column(layout == Layout::chw ? 1 : shape[0]) {}
};

/// [C, H, W] or [H, W, C] -> [C, H, W] or [H, W, C], one element at a time
template <class From, class To>
void copy_elements(const std::byte* from, Layout from_layout, std::byte* to,
                   Layout to_layout, const Shape& shape) {
  const Strides in(from_layout, shape), out(to_layout, shape);
  for (std::size_t c = 0; c < shape[0]; ++c)
    for (std::size_t y = 0; y < shape[1]; ++y)
      for (std::size_t x = 0; x < shape[2]; ++x) {
        const std::size_t i = c * in.channel + y * in.row + x * in.column;
        const std::size_t o = c * out.channel + y * out.row + x * out.column;
        const To value = convert<To>(load<From>(from + i * sizeof(From)));
        std::memcpy(to + o * sizeof(To), &value, sizeof value);
      }
}

const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "uint8";
    case ElementType::float32:
      return "float32";
    case ElementType::int64:
      return "int64";
  }
  return "unknown";
}

const char* name_of(ValueRange range) {
  switch (range) {
    case ValueRange::unit:
      return "numbers from 0 to 1";
    case ValueRange::finite:
      return "finite numbers";
    case ValueRange::not_nan:
      return "numbers";
  }
  return "unknown";
}

// Each comparison is false for NaN.
bool in_range(float value, ValueRange range) {
  if (range == ValueRange::unit) return value >= 0.0f && value <= 1.0f;
  return std::isfinite(value) ||
         (range == ValueRange::not_nan && !std::isnan(value));
}

/// With enough digits to identify the value: 1.0000001, not 1.
std::string exact_text(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

/// Bytes of `count` rows.
std::uint64_t bytes_needed(const RowRule& rule, std::uint64_t count,
                           ElementType type) {
  const std::uint64_t row = rule.elements * element_size(type);
  // Division, because count * row may overflow.
  require(count <= std::numeric_limits<std::uint64_t>::max() / row,
          Status::argument, rule.what, ": count is ", count,
          "; that many rows exceed the address space");
  return count * row;
}

void check_type(ElementType type, const RowRule& rule) {
  const bool good = type == ElementType::float32 ||
                    (type == ElementType::uint8 && rule.bytes_allowed);
  require(
      good, Status::argument, rule.what, ": element type is ",
      static_cast<std::int32_t>(type), " (", name_of(type), "); allowed ",
      rule.bytes_allowed ? "are 1 (uint8) and 2 (float32)" : "is 2 (float32)");
}

/// Throws unless the layout is known and a call on `device` can access memory
/// of `where`.
void check_place(DeviceKind where, Layout layout, DeviceKind device,
                 const char* what) {
  require(layout == Layout::chw || layout == Layout::hwc, Status::argument,
          what, ": layout is ", static_cast<std::int32_t>(layout),
          "; allowed are 1 (chw), 2 (hwc)");
  require(where == DeviceKind::cpu || where == DeviceKind::cuda,
          Status::argument, what, ": device is ",
          static_cast<std::int32_t>(where), "; allowed are 1 (cpu), 2 (cuda)");
  require(where == DeviceKind::cpu || device == DeviceKind::cuda,
          Status::argument, what,
          ": device is 2 (cuda), but this call runs on the CPU; allowed is 1 "
          "(cpu)");
}

// Names the first bad value by row and element, so that the caller can find it.
void check_values(const Batch& batch, const RowRule& rule) {
  const auto* data = static_cast<const std::byte*>(batch.data);
  const std::uint64_t total = batch.count * rule.elements;
  for (std::uint64_t i = 0; i < total; ++i) {
    const float value = load<float>(data + i * sizeof(float));
    if (in_range(value, rule.range)) continue;
    fail(Status::argument, rule.what, ": element ", i % rule.elements,
         " of row ", i / rule.elements, " is ", exact_text(value),
         "; allowed are ", name_of(rule.range));
  }
}

}  // namespace

std::uint64_t image_elements(const Shape& shape) {
  std::uint64_t elements = 1;
  for (const std::uint32_t side : shape) {
    require(side > 0, Status::argument, "image shape ", to_string(shape),
            " is not allowed; channels, height and width are at least 1");
    // Both factors are below 2^33, so the product cannot wrap.
    elements *= side;
    require(elements <= std::uint64_t{1} << 32, Status::argument,
            "image shape ", to_string(shape),
            " is not allowed; at most 2^32 elements per image");
  }
  return elements;
}

std::string to_string(const Shape& shape) {
  return join(shape[0], "x", shape[1], "x", shape[2]);
}

void check_rows(const Batch& batch, const RowRule& rule, DeviceKind device) {
  require(batch.data != nullptr, Status::argument, rule.what, ": data is null");
  require(batch.count > 0, Status::argument, rule.what,
          ": count is 0; at least 1 is needed");
  check_type(batch.type, rule);
  check_place(batch.device, batch.layout, device, rule.what);
  const std::uint64_t needed = bytes_needed(rule, batch.count, batch.type);
  require(batch.bytes >= needed, Status::too_small, rule.what, ": ",
          batch.bytes, " bytes given, but ", batch.count, " rows of ",
          rule.elements, " ", name_of(batch.type), " take ", needed);
  if (batch.type == ElementType::float32 && batch.device == DeviceKind::cpu)
    check_values(batch, rule);
}

// A count of 0 needs no memory, so data may be null.
std::uint64_t check_output(const Output& output, const RowRule& rule,
                           std::uint64_t count, DeviceKind device) {
  require(output.data != nullptr || count == 0, Status::argument, rule.what,
          ": the output's data is null");
  check_type(output.type, rule);
  check_place(output.device, output.layout, device, rule.what);
  const std::uint64_t needed = bytes_needed(rule, count, output.type);
  require(output.bytes >= needed, Status::too_small, rule.what,
          ": the output buffer has ", output.bytes, " bytes, but ", count,
          " rows of ", rule.elements, " ", name_of(output.type), " take ",
          needed);
  return needed;
}

// [C, H, W] or [H, W, C] -> [C, H, W] or [H, W, C]
void copy_image(const std::byte* from, PixelFormat from_format, std::byte* to,
                PixelFormat to_format, const Shape& shape) {
  const Layout in = from_format.layout, out = to_format.layout;
  const bool bytes_in = from_format.type == ElementType::uint8;
  if (from_format.type == to_format.type && (in == out || shape[0] == 1)) {
    // With one channel both layouts are the same bytes.
    std::memcpy(to, from,
                image_elements(shape) * element_size(from_format.type));
  } else if (from_format.type == to_format.type) {
    bytes_in
        ? copy_elements<std::uint8_t, std::uint8_t>(from, in, to, out, shape)
        : copy_elements<float, float>(from, in, to, out, shape);
  } else if (bytes_in) {
    copy_elements<std::uint8_t, float>(from, in, to, out, shape);
  } else {
    copy_elements<float, std::uint8_t>(from, in, to, out, shape);
  }
}

}  // namespace vae::io
