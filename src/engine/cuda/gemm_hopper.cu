// Products by a warpgroup's instructions: compiled for compute capability 9.0a
// alone, which only Hopper has. See gemm.hpp.
#include "engine/cuda/gemm.cuh"
#include "engine/cuda/weight_gemm.cuh"

namespace vae::engine::cuda {
namespace {

// At few rows two warpgroups share the depth, so that there are enough blocks;
// at many each has half the rows.
using Deep = GemmTile<64, 64, 4, 1, 2, 6, true>;
using Small = GemmTile<64, 64, 4, 1, 1, 6, true>;
using Large = GemmTile<128, 128, 8, 1, 1, 5, true>;
using SmallWeights = GemmTile<64, 64, 4, 1, 1, 6, true>;
using LargeWeights = GemmTile<128, 64, 8, 1, 1, 5, true>;

}  // namespace

void gemm_hopper(const GemmArgs& p, bool b_k_major, cudaStream_t stream) {
  constexpr std::int64_t kCard = 132;  // multiprocessors
  const std::int64_t times = p.phases ? 4 : p.splits;
  if (p.n % Large::kN == 0 &&
      tiles(p.m, Large::kM) * (p.n / Large::kN) * times * 4 >= kCard * 3)
    return launch_any<Large>(p, b_k_major, stream);
  if (tiles(p.m, 64) * tiles(p.n, 64) * times > kCard)
    return launch_any<Small>(p, b_k_major, stream);
  launch_any<Deep>(p, b_k_major, stream);
}

void weight_gemm_hopper(const WeightGemmArgs& args, cudaStream_t stream) {
  const Gather& g = args.b;
  const std::int64_t places = std::int64_t{g.images} * g.gh * g.gw;
  // Long sums: larger tiles read less.
  if (args.m % LargeWeights::kM == 0 && places >= 8192)
    launch_weight_gemm<LargeWeights>(args, stream);
  else
    launch_weight_gemm<SmallWeights>(args, stream);
}

}  // namespace vae::engine::cuda
