// Products by a warp's instructions, for every tensor core from compute
// capability 8.0 on. See gemm.hpp.
#include <algorithm>

#include "engine/cuda/gemm.cuh"
#include "engine/cuda/weight_gemm.cuh"

namespace vae::engine::cuda {
namespace {

//                     M   N  warps of them  stages
using Small = GemmTile<64, 64, 2, 2, 1, 4, false>;

}  // namespace

std::int32_t gemm_splits(std::int64_t m, std::int64_t n, std::int64_t k_tiles) {
  constexpr std::int64_t kBusy =
      132;  // blocks: multiprocessors of a large card
  const std::int64_t blocks = tiles(m, 64) * tiles(n, 64);
  const std::int64_t wanted = tiles(kBusy, blocks);
  // Two stages each at least: a block also has to start and to write.
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(
      wanted, 1, std::max<std::int64_t>(k_tiles / 2, 1)));
}

void gemm(const GemmArgs& args, bool b_k_major, TensorCores cores,
          cudaStream_t stream) {
  if (cores == TensorCores::hopper) return gemm_hopper(args, b_k_major, stream);
  launch_any<Small>(args, b_k_major, stream);
}

void weight_gemm(const WeightGemmArgs& args, TensorCores cores,
                 cudaStream_t stream) {
  if (cores == TensorCores::hopper) return weight_gemm_hopper(args, stream);
  launch_weight_gemm<Small>(args, stream);
}

}  // namespace vae::engine::cuda
