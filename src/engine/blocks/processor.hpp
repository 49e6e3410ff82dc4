// CPU features that select between two implementations.
#pragma once

namespace vae::engine::blocks {

/// Whether LibTorch uses its AVX-512 kernels, including those for bfloat16.
inline bool has_avx512() { return __builtin_cpu_supports("avx512bw"); }

}  // namespace vae::engine::blocks
