// IDX bytes for tests; the library only reads the format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vae::testing {

inline std::vector<std::byte> idx_of(const std::vector<std::uint32_t>& sizes,
                                     std::span<const std::uint8_t> numbers,
                                     unsigned type = 8) {
  std::vector<std::byte> bytes{std::byte{0}, std::byte{0},
                               static_cast<std::byte>(type),
                               static_cast<std::byte>(sizes.size())};
  for (const std::uint32_t size : sizes)
    for (const int shift : {24, 16, 8, 0})
      bytes.push_back(static_cast<std::byte>(size >> shift));
  for (const std::uint8_t number : numbers) bytes.push_back(std::byte{number});
  return bytes;
}

/// 0, 1, 2, … 255, 0, …
inline std::vector<std::uint8_t> counting(std::size_t size,
                                          std::size_t first = 0) {
  std::vector<std::uint8_t> numbers(size);
  for (std::size_t i = 0; i < size; ++i)
    numbers[i] = static_cast<std::uint8_t>(first + i);
  return numbers;
}

}  // namespace vae::testing
