// Views of memory that the caller owns, for images, codes and results. Nothing
// here copies or owns data.
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

/// Contiguous host memory: a vector, array or span of bytes (0..255 stands for
/// 0..1) or of floats.
template <class T>
concept Numbers =
    std::convertible_to<const T&, std::span<const std::uint8_t>> ||
    std::convertible_to<const T&, std::span<const float>>;

/// Element type of an output image: float, or std::uint8_t (0..255).
template <class T>
concept Pixel = std::same_as<T, float> || std::same_as<T, std::uint8_t>;

/// Input rows: images, or codes for Trainer::decode. Borrowed for the call.
/// Images of uint8 are divided by 255; images of float32 must lie in [0, 1]
/// (Bernoulli) or be finite (Gaussian). Codes are finite float32.
/// C: vae_batch_init.
struct Batch {
  const void* data = nullptr;  ///< the rows, aligned for `type`
  std::uint64_t bytes = 0;  ///< size of the buffer; at least count whole rows
  std::uint64_t count = 0;  ///< rows
  ElementType type = ElementType::float32;  ///< of a number
  Layout layout = Layout::chw;              ///< of an image
  DeviceKind device = DeviceKind::cpu;      ///< where data lies: cpu or cuda
  void* stream = nullptr;  ///< cudaStream_t that wrote `data`; null: default

  /// A view of bytes.
  /// C: vae_view_u8.
  /// @param rows  Bytes in host memory, which must outlive the view.
  /// @param count Number of rows.
  /// @return A view of them.
  static Batch of(std::span<const std::uint8_t> rows, std::uint64_t count) {
    return {rows.data(), rows.size(), count, ElementType::uint8};
  }
  /// A view of floats.
  /// C: vae_view_f32.
  /// @param rows  Floats in host memory, which must outlive the view.
  /// @param count Number of rows.
  /// @return A view of them.
  static Batch of(std::span<const float> rows, std::uint64_t count) {
    return {rows.data(), rows.size_bytes(), count, ElementType::float32};
  }
  /// A view of all rows. Error(argument) if the last row is not complete.
  /// @param numbers      In host memory, which must outlive the view.
  /// @param row_elements Numbers of one row, such as 784 or Config::latent.
  /// @return A view of them.
  template <Numbers Rows>
  static Batch rows_of(const Rows& numbers, std::uint64_t row_elements) {
    Batch batch = of(numbers, 0);
    const std::uint64_t count = batch.bytes / element_size(batch.type);
    if (row_elements == 0 || count % row_elements != 0)
      throw Error(Status::argument,
                  std::to_string(count) +
                      " numbers are not a whole number of rows of " +
                      std::to_string(row_elements));
    batch.count = count / row_elements;
    return batch;
  }
};

/// Buffer for output rows: float32 or, for images, uint8 (rounded to 0..255).
/// `bytes` is the capacity; `written` is set by the call.
/// C: vae_output_init.
struct Output {
  void* data = nullptr;                     ///< the buffer, aligned for `type`
  std::uint64_t bytes = 0;                  ///< its size
  std::uint64_t written = 0;                ///< set by the call: bytes written
  ElementType type = ElementType::float32;  ///< of a number
  Layout layout = Layout::chw;              ///< of an image
  DeviceKind device = DeviceKind::cpu;      ///< where data lies: cpu or cuda
  void* stream = nullptr;  ///< cudaStream_t that will read; null: default

  /// A buffer of floats.
  /// C: vae_output_f32.
  /// @param buffer Host memory.
  /// @return A view of it.
  static Output of(std::span<float> buffer) {
    return {buffer.data(), buffer.size_bytes(), 0, ElementType::float32};
  }
  /// A buffer of bytes.
  /// C: vae_output_u8.
  /// @param buffer Host memory.
  /// @return A view of it.
  static Output of(std::span<std::uint8_t> buffer) {
    return {buffer.data(), buffer.size(), 0, ElementType::uint8};
  }
};

}  // namespace vae
