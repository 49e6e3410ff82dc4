// How the C library's heap treats the tensors of a step. Allocates nothing that
// stays.
#pragma once

namespace vae::engine::blocks {

/// Lets freed tensors be used again. glibc takes blocks of more than 128 KiB
/// from the system and gives them back, so that every step pays for touching
/// all of its memory anew, an eighth of its time; unless a larger block was
/// freed before (mallopt(3), M_MMAP_THRESHOLD): so one of nearly 32 MiB is,
/// which is the most that it learns from. Up to 64 MiB of free memory then stay
/// with the process. Changes nothing where the host has set the threshold
/// itself, nor with another allocator.
void keep_freed_memory();

}  // namespace vae::engine::blocks
