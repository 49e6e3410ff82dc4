// Checks and converts images in the caller's memory, one image at a time.
#include "io/rows.hpp"

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

/// Elements between neighbours of an image in each direction.
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

void check_numbers(const Batch& images, std::uint64_t elements, bool clipped) {
  const auto* data = static_cast<const std::byte*>(images.data);
  for (std::uint64_t i = 0; i < images.count * elements; ++i) {
    const float value = load<float>(data + i * sizeof(float));
    if (std::isfinite(value) || (clipped && !std::isnan(value))) continue;
    fail(Status::argument, "image ", i / elements, ", element ", i % elements,
         " is ", value, "; ", clipped ? "numbers" : "finite numbers",
         " are allowed");
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

void check_format(const PixelFormat& format, const char* what) {
  require(
      format.type == ElementType::uint8 || format.type == ElementType::float32,
      Status::argument, what, " element type is ",
      static_cast<std::int32_t>(format.type),
      "; 1 (uint8) and 2 (float32) are allowed");
  require(
      format.layout == Layout::chw || format.layout == Layout::hwc,
      Status::argument, what, " layout is ",
      static_cast<std::int32_t>(format.layout),
      "; 1 (channel, row, column) and 2 (row, column, channel) are allowed");
}

void check_images(const Batch& images, const Shape& shape, bool clipped) {
  const std::uint64_t elements = image_elements(shape);
  check_format({images.type, images.layout}, "the images'");
  require(images.device == DeviceKind::cpu, Status::argument,
          "the images' device is ", static_cast<std::int32_t>(images.device),
          "; 1 (cpu) is allowed here");
  require(images.count > 0, Status::argument,
          "there are 0 images; at least 1 is needed");
  require(images.data != nullptr, Status::argument, "the images' data is null");
  const std::uint64_t row = elements * element_size(images.type);
  // Division, because count * row may overflow.
  require(images.bytes / row >= images.count, Status::too_small,
          "the images' buffer has ", images.bytes, " bytes; ", images.count,
          " images of ", row, " bytes each need more");
  if (images.type == ElementType::float32)
    check_numbers(images, elements, clipped);
}

void copy_image(const std::byte* from, PixelFormat from_format, std::byte* to,
                PixelFormat to_format, const Shape& shape) {
  const Layout in = from_format.layout, out = to_format.layout;
  const bool bytes_in = from_format.type == ElementType::uint8;
  if (from_format.type == to_format.type && (in == out || shape[0] == 1)) {
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
