// Tunes the C library's heap for the tensors of a training step.
#pragma once

namespace vae::engine::blocks {

/// Makes glibc reuse the memory of freed tensors. By default it maps blocks of
/// more than 128 KiB and unmaps them when freed, so that page faults take an
/// eighth of every step. glibc raises this threshold to the size of a mapped
/// block that is freed, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD); this
/// function allocates and frees one such block. Up to 64 MiB of free memory
/// then stay with the process. No effect if the host has set the threshold, or
/// with another allocator.
void keep_freed_memory();

}  // namespace vae::engine::blocks
