// Stands in for src/engine/cuda/tensor_core.cuh: what those instructions do, in
// plain C++. Strict where hardware is free: what is asynchronous happens when
// the thread waits for it and no sooner, and an address outside of the launch's
// shared memory fails the launch. A product is summed in double in the order of
// k and rounded once for each instruction, where hardware truncates.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "engine/math/numbers.hpp"

namespace vae::engine::cuda {

__device__ inline unsigned char* dynamic_shared() {
  return reinterpret_cast<unsigned char*>(emulation::shared_memory());
}

/// Of something in dynamic shared memory.
__device__ inline std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(static_cast<const unsigned char*>(p) -
                                    dynamic_shared());
}

/// Until the copy is waited for, hardware may have written or not, so both the
/// old bytes and the new ones are gone.
__device__ inline void copy_async(std::uint32_t to, const void* from,
                                  bool valid) {
  constexpr std::size_t kBytes = 16;
  if (valid && reinterpret_cast<std::uintptr_t>(from) % kBytes != 0)
    throw std::logic_error("an asynchronous copy from a crooked address");
  std::byte* const place = emulation::shared_at(to, kBytes);
  std::memset(place, 0xFF, kBytes);
  const void* const source = valid ? from : nullptr;
  emulation::this_thread->copies.add([place, source] {
    if (source == nullptr)
      std::memset(place, 0, kBytes);
    else
      std::memcpy(place, source, kBytes);
  });
}

__device__ inline void commit_copies() {
  emulation::this_thread->copies.close_group();
}

template <int N>
__device__ inline void wait_copies() {
  emulation::this_thread->copies.finish(N);
}

/// Element `column` of row `row` of the 8 x 8 matrix `matrix` out of four, by
/// the addresses of all rows.
__device__ inline std::uint32_t matrix_element(const std::uint32_t* rows,
                                               unsigned matrix, unsigned row,
                                               unsigned column) {
  std::uint16_t element = 0;
  std::memcpy(&element,
              emulation::shared_at(rows[matrix * 8 + row], 16) + column * 2, 2);
  return element;
}

__device__ inline void load_matrices(std::uint32_t (&r)[4],
                                     std::uint32_t address) {
  const unsigned lane = emulation::this_thread->lane();
  const std::uint32_t* const rows = emulation::exchange(address);
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane / 4, column = lane % 4 * 2;
    r[i] = matrix_element(rows, i, row, column) |
           matrix_element(rows, i, row, column + 1) << 16;
  }
}

__device__ inline void load_matrices_transposed(std::uint32_t (&r)[4],
                                                std::uint32_t address) {
  const unsigned lane = emulation::this_thread->lane();
  const std::uint32_t* const rows = emulation::exchange(address);
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = lane % 4 * 2, column = lane / 4;
    r[i] = matrix_element(rows, i, row, column) |
           matrix_element(rows, i, row + 1, column) << 16;
  }
}

/// What a lane brings to a product.
struct Fragments {
  std::uint32_t a[4], b[2];
};

/// c += a * b of a warp. `pairs`: of k, by the four lanes that share a row, as
/// often as b has registers; `values(register, to)` gives the `kEach` numbers
/// of one register.
template <unsigned kEach, class Values>
__device__ inline void multiply_by_lanes(float (&c)[4],
                                         const Fragments& fragments,
                                         const Values& values) {
  const Fragments* const of = emulation::exchange(fragments);
  const unsigned lane = emulation::this_thread->lane();
  double sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = double{c[i]};
  for (unsigned half = 0; half < 2; ++half) {
    for (unsigned quarter = 0; quarter < 4; ++quarter) {
      float rows[2][kEach], columns[2][kEach];
      for (unsigned i = 0; i < 2; ++i) {
        values(of[lane / 4 * 4 + quarter].a[half * 2 + i], rows[i]);
        values(of[(lane % 4 * 2 + i) * 4 + quarter].b[half], columns[i]);
      }
      for (unsigned k = 0; k < kEach; ++k)
        for (unsigned i = 0; i < 4; ++i)
          sums[i] += double{rows[i / 2][k]} * double{columns[i % 2][k]};
    }
  }
  for (int i = 0; i < 4; ++i) c[i] = static_cast<float>(sums[i]);
}

__device__ inline void multiply(float (&c)[4], const std::uint32_t (&a)[4],
                                std::uint32_t b0, std::uint32_t b1) {
  multiply_by_lanes<2>(c, {{a[0], a[1], a[2], a[3]}, {b0, b1}},
                       [](std::uint32_t pair, float(&to)[2]) {
                         to[0] = std::bit_cast<float>(pair << 16);
                         to[1] = std::bit_cast<float>(pair & 0xFFFF0000u);
                       });
}

__device__ inline void multiply_tf32(float (&c)[4], const std::uint32_t (&a)[4],
                                     std::uint32_t b0, std::uint32_t b1) {
  multiply_by_lanes<1>(c, {{a[0], a[1], a[2], a[3]}, {b0, b1}},
                       [](std::uint32_t bits, float(&to)[1]) {
                         to[0] = std::bit_cast<float>(bits & 0xFFFFE000u);
                       });
}

__device__ inline std::uint64_t matrix_descriptor(std::uint32_t address,
                                                  std::uint32_t leading,
                                                  std::uint32_t stride) {
  return std::uint64_t{(address & 0x3FFFFu) >> 4} |
         std::uint64_t{leading >> 4} << 16 | std::uint64_t{stride >> 4} << 32 |
         std::uint64_t{1} << 62;
}

/// The 16 numbers along k of row (of a) or column (of b) `line` of an operand
/// in shared memory.
template <bool transposed>
__device__ inline void read_line(std::uint64_t descriptor, unsigned line,
                                 float (&to)[16]) {
  const auto field = [descriptor](int shift) {
    return static_cast<std::uint32_t>(descriptor >> shift & 0x3FFFu) << 4;
  };
  const std::uint32_t start = field(0), leading = field(16), stride = field(32);
  const auto chunk = [](std::uint32_t logical) {
    const std::uint32_t whole = logical & ~15u;
    return emulation::shared_at(whole ^ (whole >> 3 & 0x70u), 16);
  };
  std::uint16_t bits[16];
  if constexpr (transposed) {
    for (unsigned k = 0; k < 16; ++k) {
      const std::uint32_t logical = start + line / 64 * leading +
                                    k / 8 * stride + k % 8 * 128 +
                                    line % 64 * 2;
      std::memcpy(bits + k, chunk(logical) + logical % 16, 2);
    }
  } else {
    const std::uint32_t logical = start + line / 8 * stride + line % 8 * 128;
    std::memcpy(bits, chunk(logical), 16);
    std::memcpy(bits + 8, chunk(logical + 16), 16);
  }
  for (unsigned k = 0; k < 16; ++k) to[k] = from_bfloat16(bits[k]);
}

/// This thread's part of the accumulator, which no other thread's depends on.
template <int N, bool a_transposed, bool b_transposed>
__device__ inline void multiply_lines(float* d, std::uint64_t a,
                                      std::uint64_t b, unsigned thread) {
  const unsigned lane = thread % 32;
  float rows[2][16], columns[2][16];
  for (unsigned h = 0; h < 2; ++h)
    read_line<a_transposed>(a, thread / 32 * 16 + lane / 4 + 8 * h, rows[h]);
  for (unsigned j = 0; j < N / 8; ++j) {
    for (unsigned e = 0; e < 2; ++e)
      read_line<b_transposed>(b, 8 * j + lane % 4 * 2 + e, columns[e]);
    double sums[4];
    for (unsigned i = 0; i < 4; ++i) sums[i] = double{d[j * 4 + i]};
    for (unsigned k = 0; k < 16; ++k)
      for (unsigned i = 0; i < 4; ++i)
        sums[i] += double{rows[i / 2][k]} * double{columns[i % 2][k]};
    for (unsigned i = 0; i < 4; ++i) d[j * 4 + i] = static_cast<float>(sums[i]);
  }
}

/// `d` must live until the product is waited for.
template <int N, bool a_transposed, bool b_transposed>
__device__ inline void warpgroup_multiply(float* d, std::uint64_t a,
                                          std::uint64_t b) {
  static_assert(N > 0 && N <= 256 && N % 8 == 0);
  emulation::Thread& self = *emulation::this_thread;
  const unsigned thread = self.number % 128;
  self.products.add([d, a, b, thread] {
    multiply_lines<N, a_transposed, b_transposed>(d, a, b, thread);
  });
}

__device__ inline void warpgroup_fence() {}

__device__ inline void warpgroup_commit() {
  emulation::this_thread->products.close_group();
}

template <int N>
__device__ inline void warpgroup_wait() {
  emulation::this_thread->products.finish(N);
}

// Shared memory is the same to every instruction here.
__device__ inline void fence_shared() {}

__device__ inline void keep_in_register(float&) {}

__device__ inline float shuffle_xor(float value, int mask) {
  const unsigned from =
      emulation::this_thread->lane() ^ static_cast<unsigned>(mask);
  return emulation::exchange(value)[from % emulation::kLanes];
}

__device__ inline std::uint32_t pack_bfloat16(float low, float high) {
  return std::uint32_t{to_bfloat16(low)} | std::uint32_t{to_bfloat16(high)}
                                               << 16;
}

}  // namespace vae::engine::cuda
