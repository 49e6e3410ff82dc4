// What decides here, on a CPU, between two ways to compute the same.
#pragma once

namespace vae::engine::blocks {

/// Whether LibTorch's kernels for AVX-512 run here: the wider ones, and those
/// of bfloat16.
inline bool has_avx512() { return __builtin_cpu_supports("avx512bw"); }

}  // namespace vae::engine::blocks
