// Kernels with mistakes on purpose, and a few correct ones, for tests of the
// emulation.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace vae::emulation {

/// to[i] = i for i in [first, end).
void fill(float* to, std::int64_t first, std::int64_t end);
/// Each block of 128 turns its numbers around in shared memory; without the
/// barrier that this needs, if `wrong`.
void turn_around(const float* from, float* to, std::int64_t blocks, bool wrong);
/// Half of each block ends at once, the others meet; to[0] counts these.
void end_early(unsigned* to, std::int64_t blocks);
/// One thread of each block throws while the others wait for it.
void throw_in_one(std::int64_t blocks);
/// The first thread of each block writes down when the block ran.
struct Visits {
  unsigned* next;   // counts
  unsigned* turns;  // [blocks]
  unsigned* hits;   // [blocks * 128], one for each thread
};
void visit(const Visits& visits, std::int64_t blocks);

// Of one block each, with warps and dynamic shared memory.

/// to[thread] = what the thread whose number differs in the bits of `mask` has.
void shuffle(const float* from, float* to, int mask);
/// Every third thread ends at once. The others add up numbers of their warp's
/// lanes, as often as the warp's number says, and meet; to[thread]: how many
/// had met at the barrier when this thread passed it.
void meet_unevenly(unsigned* to, unsigned threads);
/// The first half of the threads waits for the block, the other for its warps.
cudaError_t wait_for_ever();
/// One warp multiplies fragments: a [32][4], b [32][2], c [32][4].
void multiply_fragments(const std::uint32_t* a, const std::uint32_t* b,
                        float* c, bool tf32);
/// One warp loads [4][8][8] numbers of 16 bits, to [32][4].
void load_fragments(const std::uint16_t* from, std::uint32_t* to,
                    bool transposed);
/// Warpgroups multiply what is copied to shared memory: `a` and `b` are where
/// there, the second warpgroup's `a` comes 8192 bytes later; `steps` of 16 in
/// k. d [threads][n / 2]. `wait`: for the products.
struct Products {
  const unsigned char* shared;
  std::uint32_t bytes, a, b, leading_b, steps;
  float* d;
  bool wait;
};
void multiply_in_warpgroups(const Products& products, unsigned warpgroups,
                            int n, bool a_transposed, bool b_transposed);
/// Counts in to[0] the bytes that are set in all bits before anything is
/// written, zeroes them, and writes `beyond` bytes more. Two blocks.
cudaError_t touch_shared(unsigned* to, std::size_t bytes, std::size_t beyond);
/// As much as a kernel asked for, which is nothing to begin with.
cudaError_t ask_for_shared(int bytes);
/// 128 threads copy 16 bytes each, none if it is odd and `holes`, in two groups
/// of one copy; and wait for all but the newest `left` groups (0, 1, 2).
struct Copies {
  const unsigned char* from;
  unsigned char* to;  // [2][128][16]
  int left;
  bool holes;
};
void copy_through_shared(const Copies& copies);

}  // namespace vae::emulation
