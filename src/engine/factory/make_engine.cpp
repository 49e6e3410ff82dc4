// Which engine computes a configuration: the one place that knows them all.
#include "base/check.hpp"
#include "engine/blocks/make_blocks_engine.hpp"
#include "engine/engine.hpp"
#include "engine/operations.hpp"
#include "engine/tile/tile_engine.hpp"

namespace vae::engine {
namespace {

/// The blocks engine with the device's fused operations.
std::unique_ptr<Engine> make_fused(const model::Plan& plan,
                                   const Config& config, Device& device) {
  Fusion* fusion = device.operations().fusion();
  require(fusion != nullptr, Status::unsupported,
          "engine fused exists on CUDA devices only; on the CPU use tile or "
          "blocks");
  return blocks::make_blocks_engine(plan, config, device, fusion);
}

}  // namespace

// An engine that was asked for by name is made or refused. With auto, the tile
// engine takes what it can, because it is the fastest on CPUs.
std::unique_ptr<Engine> make_engine(const model::Plan& plan,
                                    const Config& config, Device& device) {
  require(
      config.precision != Precision::tf32 || device.kind() == DeviceKind::cuda,
      Status::unsupported,
      "precision tf32 exists on CUDA devices only; on the CPU use fp32 or "
      "bf16");
  if (config.engine == EngineKind::fused)
    return make_fused(plan, config, device);
  const bool any = config.engine == EngineKind::automatic;
  if (any || config.engine == EngineKind::tile) {
    const std::string why = tile::why_not_tile(plan, config, device);
    require(any || why.empty(), Status::unsupported,
            "engine tile does not take this configuration: ", why,
            "; use auto or blocks");
    if (why.empty()) return tile::make_tile_engine(plan, config, device);
  }
  // On GPUs, own kernels become the default when one has shown them right.
  return blocks::make_blocks_engine(plan, config, device, nullptr);
}

}  // namespace vae::engine
