// The images that copies of a Dataset share: uint8 or float32, [count, C, H,
// W]. Immutable after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vae/dataset.hpp"

namespace vae::data {

struct Images {
  Shape shape{};
  ElementType type = ElementType::uint8;
  std::uint64_t count = 0;
  std::vector<std::byte> rows;       // count * C*H*W * element_size(type)
  std::vector<std::int32_t> labels;  // count, or empty
  std::uint32_t classes = 0;
  std::uint64_t row_elements() const {
    return std::uint64_t{shape[0]} * shape[1] * shape[2];
  }
};

}  // namespace vae::data
