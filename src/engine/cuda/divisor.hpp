// Division by a number that is the same for a whole launch: a multiplication
// and a shift on the device, where a division costs some twenty instructions.
#pragma once

#include <cstdint>

#include "base/hd.hpp"

namespace vae::engine::cuda {

/// Exact for dividends n >= 0 with n * divisor < 2^40 and n / divisor < 2^24:
/// rounding the factor up adds n * divisor / 2^40 < 1 at most.
struct Divisor {
  std::uint64_t factor = 0;
  std::int32_t divisor = 1;

  Divisor() = default;
  explicit Divisor(std::int64_t by)
      : factor((std::uint64_t{1} << 40) / static_cast<std::uint64_t>(by) + 1),
        divisor(static_cast<std::int32_t>(by)) {}

  VAE_HD_MEMBER std::int32_t quotient(std::int32_t n) const {
    return static_cast<std::int32_t>(static_cast<std::uint64_t>(n) * factor >>
                                     40);
  }
};

}  // namespace vae::engine::cuda
