// Runs a grid of CUDA threads on the CPU, the blocks one after the other in a
// shuffled order. Two ways to link: threads.cpp has a std::thread for each
// thread of a block, so that the thread sanitizer finds races; fibers.cpp has
// one for all, and is fast. Knows nothing of CUDA's names for this (include/).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace vae::emulation {

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1)
      : x(x_), y(y_), z(z_) {}
  constexpr std::uint64_t size() const { return std::uint64_t{x} * y * z; }
  unsigned x, y, z;
};

/// Which thread of a grid this is.
inline thread_local constinit uint3 threadIdx, blockIdx;
inline thread_local constinit dim3 blockDim, gridDim;

/// Whether a grid has sizes that CUDA accepts.
bool startable(const dim3& grid, const dim3& block);

/// Runs `thread` once for every thread of a grid. False if one of them threw;
/// the others ran to their end.
bool run(const dim3& grid, const dim3& block,
         const std::function<void()>& thread);

/// Waits for all threads of the block that have not ended.
void sync_block();

/// From the next launch on, blocks run in orders that follow from `seed`; every
/// launch has another one. 0: in the order of their numbers.
void shuffle_blocks(std::uint64_t seed);

/// What both ways share: where thread or block `number` is, and in which order
/// the blocks of the next launch run.
uint3 place(std::uint64_t number, const dim3& size);
std::vector<std::uint64_t> order_of_blocks(std::uint64_t count);

/// Of fibers.cpp: kernels are started and counted, but do nothing.
void skip_kernels(bool on);

}  // namespace vae::emulation
