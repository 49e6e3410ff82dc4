// How images, codes and results cross the border: views of memory that the
// caller owns. Nothing here copies or keeps anything.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>

#include "vae/config.hpp"
#include "vae/error.hpp"

namespace vae {

/// Type of the numbers in a buffer. Numbers are those of vae.h.
enum class ElementType : std::int32_t { uint8 = 1, float32 = 2, int64 = 3 };

/// Order of an image's numbers in memory.
enum class Layout : std::int32_t {
  chw = 1,  ///< [channel][row][column], as PyTorch
  hwc = 2,  ///< [row][column][channel], as PNG
};

/// Bytes of one element.
/// @param type Its type.
/// @return 1, 4 or 8.
constexpr std::uint64_t element_size(ElementType type) noexcept {
  return type == ElementType::uint8 ? 1 : type == ElementType::float32 ? 4 : 8;
}

/// Channels, height, width of an image.
using Shape = std::array<std::uint32_t, 3>;

/// Numbers of one image.
/// @param shape Its shape.
/// @return The product.
constexpr std::uint64_t elements(const Shape& shape) noexcept {
  return std::uint64_t{shape[0]} * shape[1] * shape[2];
}

/// Numbers in one piece of host memory: a vector, array or span of bytes
/// (0 to 255, meaning 0 to 1) or of floats.
template <class T>
concept Numbers =
    std::convertible_to<const T&, std::span<const std::uint8_t>> ||
    std::convertible_to<const T&, std::span<const float>>;

/// Numbers of an image that comes out: float, or std::uint8_t (0 to 255).
template <class T>
concept Pixel = std::same_as<T, float> || std::same_as<T, std::uint8_t>;

/// Rows that go in: images, or codes for Trainer::decode. Borrowed for the
/// call. Images as uint8 are divided by 255; as float32 they lie in [0, 1]
/// (Bernoulli) or are finite (Gaussian). Codes are finite float32.
/// C: vae_batch_init.
struct Batch {
  const void* data = nullptr;  ///< the rows, aligned for `type`
  std::uint64_t bytes = 0;  ///< size of the buffer; at least count whole rows
  std::uint64_t count = 0;  ///< rows
  ElementType type = ElementType::float32;  ///< of a number
  Layout layout = Layout::chw;              ///< of an image
  DeviceKind device = DeviceKind::cpu;      ///< where data lies: cpu or cuda
  void* stream = nullptr;  ///< cudaStream_t that made `data`; null: default

  /// A view of bytes.
  /// C: vae_view_u8.
  /// @param rows  Bytes in host memory, which must outlive the view.
  /// @param count How many rows they are.
  /// @return A view of them.
  static Batch of(std::span<const std::uint8_t> rows, std::uint64_t count) {
    return {rows.data(), rows.size(), count, ElementType::uint8};
  }
  /// A view of floats.
  /// C: vae_view_f32.
  /// @param rows  Numbers in host memory, which must outlive the view.
  /// @param count How many rows they are.
  /// @return A view of them.
  static Batch of(std::span<const float> rows, std::uint64_t count) {
    return {rows.data(), rows.size_bytes(), count, ElementType::float32};
  }
  /// A view of as many rows as there are. Error(argument) if the numbers are
  /// no whole rows.
  /// @param numbers      In host memory, which must outlive the view.
  /// @param row_elements Numbers of one row, such as 784 or Config::latent.
  /// @return A view of them.
  template <Numbers Rows>
  static Batch rows_of(const Rows& numbers, std::uint64_t row_elements) {
    Batch batch = of(numbers, 0);
    const std::uint64_t count = batch.bytes / element_size(batch.type);
    if (row_elements == 0 || count % row_elements != 0)
      throw Error(Status::argument, std::to_string(count) +
                                        " numbers are no whole rows of " +
                                        std::to_string(row_elements));
    batch.count = count / row_elements;
    return batch;
  }
};

/// Room for rows that come out. Float32 or, for images, uint8 (rounded to
/// 0..255). `bytes` is the capacity; `written` is set by the call.
/// C: vae_output_init.
struct Output {
  void* data = nullptr;                     ///< the room, aligned for `type`
  std::uint64_t bytes = 0;                  ///< its size
  std::uint64_t written = 0;                ///< set by the call: bytes written
  ElementType type = ElementType::float32;  ///< of a number
  Layout layout = Layout::chw;              ///< of an image
  DeviceKind device = DeviceKind::cpu;      ///< where data lies: cpu or cuda
  void* stream = nullptr;  ///< cudaStream_t that will read; null: default

  /// Room for floats.
  /// C: vae_room_f32.
  /// @param room Room for numbers in host memory.
  /// @return A view of it.
  static Output of(std::span<float> room) {
    return {room.data(), room.size_bytes(), 0, ElementType::float32};
  }
  /// Room for bytes.
  /// C: vae_room_u8.
  /// @param room Room for bytes in host memory.
  /// @return A view of it.
  static Output of(std::span<std::uint8_t> room) {
    return {room.data(), room.size(), 0, ElementType::uint8};
  }
};

}  // namespace vae
