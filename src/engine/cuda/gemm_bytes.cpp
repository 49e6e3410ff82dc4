// The size of a GemmPass's workspace, found without a GPU.
#include <algorithm>

#include "engine/cuda/gemm_pass.hpp"
#include "engine/engine.hpp"
#include "engine/sizing_device.hpp"

namespace vae::engine {

std::int64_t own_products_bytes(const model::Plan& plan, const Layout& layout,
                                const Config& config) {
  std::int64_t most = 0;
  for (const auto cores :
       {cuda::TensorCores::ampere, cuda::TensorCores::hopper}) {
    if (!cuda::why_no_gemm_pass(plan, config, cores).empty()) continue;
    SizingDevice device(DeviceKind::cuda);
    const cuda::GemmMemory memory(plan, layout, config, cores, device);
    most = std::max(most, device.bytes());
  }
  return most;
}

}  // namespace vae::engine
