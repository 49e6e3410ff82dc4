// Checks the caller's input and output rows, before a call changes anything.
#pragma once

#include <cstdint>

#include "vae/config.hpp"
#include "vae/rows.hpp"

namespace vae::train {

/// Requirements for the rows of a call.
struct RowRule {
  const char* what;        // "images", "codes"
  std::uint64_t elements;  // of one row
  bool bytes_allowed;      // uint8 as well as float32
  bool unit_range;         // float32 values lie in [0, 1], else finite
};

void check_rows(const Batch& batch, const RowRule& rule, DeviceKind device);

/// Checks the buffer for `count` rows; returns the bytes that they take.
std::uint64_t check_output(const Output& output, const RowRule& rule,
                           std::uint64_t count, DeviceKind device);

}  // namespace vae::train
