// bfloat16, the upper half of a float: conversion in both directions, as
// LibTorch and the hardware round. A number format, no arithmetic.
#pragma once

#include <cstdint>

#include "base/hd.hpp"

namespace vae::engine {

/// Rounded to nearest, ties to even; NaN stays NaN.
VAE_HD std::uint16_t to_bfloat16(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0x7FC0;
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >>
                                    16);
}

VAE_HD float from_bfloat16(std::uint16_t bits) {
  return __builtin_bit_cast(float, std::uint32_t{bits} << 16);
}

/// An element of an activation: float, or bfloat16 by its bits.
VAE_HD float read_number(float value) { return value; }
VAE_HD float read_number(std::uint16_t bits) { return from_bfloat16(bits); }
VAE_HD void write_number(float* to, float value) { *to = value; }
VAE_HD void write_number(std::uint16_t* to, float value) {
  *to = to_bfloat16(value);
}

}  // namespace vae::engine
