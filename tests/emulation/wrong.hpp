// Kernels that are wrong on purpose, and a few that are right, to see what the
// emulation makes of them.
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

}  // namespace vae::emulation
