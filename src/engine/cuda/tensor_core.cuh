// The instructions of a GPU that products are made of, one function each:
// asynchronous copies to shared memory, matrices from shared memory to
// registers, products of a warp and of a warpgroup. PTX and nothing else; a
// stand-in of the same interface in tests/emulation runs on the CPU.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace vae::engine::cuda {

// What the target does not have must never be called there: the host chooses.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define VAE_AMPERE(...) __trap()
#else
#define VAE_AMPERE(...) asm volatile(__VA_ARGS__)
#endif
#if defined(__CUDA_ARCH__) && !defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define VAE_HOPPER(...) __trap()
#else
#define VAE_HOPPER(...) asm volatile(__VA_ARGS__)
#endif

/// The block's dynamic shared memory from its first multiple of 1024 bytes on,
/// which the swizzle of a warpgroup's matrices is counted from.
__device__ inline unsigned char* dynamic_shared() {
  extern __shared__ unsigned char memory[];
  const auto start =
      static_cast<std::uint32_t>(__cvta_generic_to_shared(memory));
  return memory + ((1024u - (start & 1023u)) & 1023u);
}
__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// 16 bytes to shared memory, zeros if not valid. Not there before
/// wait_copies().
__device__ inline void copy_async(std::uint32_t to, const void* from,
                                  bool valid) {
  [[maybe_unused]] const int bytes = valid ? 16 : 0;
  VAE_AMPERE("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to),
             "l"(from), "r"(bytes)
             : "memory");
}
/// Closes a group of copies.
__device__ inline void commit_copies() {
  VAE_AMPERE("cp.async.commit_group;" ::: "memory");
}
/// All but the newest `N` groups of this thread have arrived.
template <int N>
__device__ inline void wait_copies() {
  VAE_AMPERE("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/// Four 8 x 8 matrices of 16-bit numbers: each lane names a row of 16 bytes.
__device__ inline void load_matrices(std::uint32_t (&r)[4],
                                     std::uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}
__device__ inline void load_matrices_transposed(std::uint32_t (&r)[4],
                                                std::uint32_t address) {
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
      : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
      : "r"(address)
      : "memory");
}

/// c [16, 8] += a [16, 16] * b [16, 8], bfloat16, of one warp.
__device__ inline void multiply(float (&c)[4], const std::uint32_t (&a)[4],
                                std::uint32_t b0, std::uint32_t b1) {
  VAE_AMPERE(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
/// c [16, 8] += a [16, 8] * b [8, 8], tf32, of one warp.
__device__ inline void multiply_tf32(float (&c)[4], const std::uint32_t (&a)[4],
                                     std::uint32_t b0, std::uint32_t b1) {
  VAE_AMPERE(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// A matrix in shared memory with the swizzle of 128 bytes. `stride`: from
/// eight rows to the next eight; `leading`: from 64 columns to the next 64, of
/// transposed matrices.
__device__ inline std::uint64_t matrix_descriptor(std::uint32_t address,
                                                  std::uint32_t leading,
                                                  std::uint32_t stride) {
  return static_cast<std::uint64_t>((address & 0x3FFFFu) >> 4) |
         static_cast<std::uint64_t>(leading >> 4) << 16 |
         static_cast<std::uint64_t>(stride >> 4) << 32 | std::uint64_t{1} << 62;
}

#define VAE_4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define VAE_16(d, i) \
  VAE_4(d, i), VAE_4(d, i + 4), VAE_4(d, i + 8), VAE_4(d, i + 12)

/// d [64, N] += a [64, 16] * b [16, N], bfloat16 from shared memory, of one
/// warpgroup. Not done before warpgroup_wait().
template <int N, bool a_transposed, bool b_transposed>
__device__ inline void warpgroup_multiply(float* d, std::uint64_t a,
                                          std::uint64_t b) {
  static_assert(N == 64 || N == 128, "other widths are not written down");
  if constexpr (N == 64)
    VAE_HOPPER(
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,"
        "%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, %32, %33, 1, 1, "
        "1, %34, %35;"
        : VAE_16(d, 0), VAE_16(d, 16)
        : "l"(a), "l"(b), "n"(int{a_transposed}), "n"(int{b_transposed}));
  else
    VAE_HOPPER(
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
        "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,"
        "%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,%32,%33,%34,%35,"
        "%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,"
        "%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, %64, %65, 1, 1, 1, %66, "
        "%67;"
        : VAE_16(d, 0), VAE_16(d, 16), VAE_16(d, 32), VAE_16(d, 48)
        : "l"(a), "l"(b), "n"(int{a_transposed}), "n"(int{b_transposed}));
}
/// Registers and shared memory written before are visible to the products
/// after.
__device__ inline void warpgroup_fence() {
  VAE_HOPPER("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ inline void fence_shared() {
  VAE_HOPPER("fence.proxy.async.shared::cta;" ::: "memory");
}
__device__ inline void warpgroup_commit() {
  VAE_HOPPER("wgmma.commit_group.sync.aligned;" ::: "memory");
}
/// All but the newest `N` groups of products are done.
template <int N>
__device__ inline void warpgroup_wait() {
  VAE_HOPPER("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}
/// The compiler must not use `x` from before the last wait.
__device__ inline void keep_in_register(float& x) {
  asm volatile("" : "+f"(x)::"memory");
}

__device__ inline float shuffle_xor(float value, int mask) {
  return __shfl_xor_sync(0xFFFFFFFFu, value, mask);
}

/// Two bfloat16, rounded to nearest.
__device__ inline std::uint32_t pack_bfloat16(float low, float high) {
  std::uint32_t packed = 0;
  VAE_AMPERE("cvt.rn.bf16x2.f32 %0, %1, %2;"
             : "=r"(packed)
             : "f"(high), "f"(low));
  return packed;
}

#undef VAE_AMPERE
#undef VAE_HOPPER
#undef VAE_4
#undef VAE_16

}  // namespace vae::engine::cuda
