// Which engine computes a configuration: the one place that knows them all.
#include "base/check.hpp"
#include "engine/blocks/blocks_memory.hpp"
#include "engine/blocks/make_blocks_engine.hpp"
#include "engine/blocks/parameters.hpp"
#include "engine/engine.hpp"
#include "engine/operations.hpp"
#include "engine/sizing_device.hpp"
#include "engine/tile/tile_engine.hpp"

namespace vae::engine {
namespace {

/// The engine that a configuration asks for, or the fastest that takes it.
EngineKind choose(const model::Plan& plan, const Config& config,
                  const Device& device) {
  require(
      config.precision != Precision::tf32 || device.kind() == DeviceKind::cuda,
      Status::unsupported,
      "precision tf32 exists on CUDA devices only; on the CPU use fp32 or "
      "bf16");
  const bool any = config.engine == EngineKind::automatic;
  if (any || config.engine == EngineKind::tile) {
    const std::string why = tile::why_not_tile(plan, config, device);
    require(any || why.empty(), Status::unsupported,
            "engine tile does not take this configuration: ", why,
            "; use auto or blocks");
    if (why.empty()) return EngineKind::tile;
  }
  // On GPUs, own kernels become the default when one has shown them right.
  return any ? EngineKind::blocks : config.engine;
}

/// `has`: whether the device has fused operations.
void require_fusion(EngineKind kind, bool has) {
  require(kind != EngineKind::fused || has, Status::unsupported,
          "engine fused exists on CUDA devices only; on the CPU use tile or "
          "blocks");
}

}  // namespace

std::unique_ptr<Engine> make_engine(const model::Plan& plan,
                                    const Config& config, Device& device) {
  const EngineKind kind = choose(plan, config, device);
  if (kind == EngineKind::tile)
    return tile::make_tile_engine(plan, config, device);
  Fusion* fusion =
      kind == EngineKind::fused ? device.operations().fusion() : nullptr;
  require_fusion(kind, fusion != nullptr);
  return blocks::make_blocks_engine(plan, config, device, fusion);
}

TrainingBytes training_bytes(const model::Plan& plan, const Config& config) {
  const EngineKind kind = choose(plan, config, SizingDevice(config.device));
  require_fusion(kind, config.device == DeviceKind::cuda);
  if (kind == EngineKind::tile) return tile::tile_bytes(plan, config);
  Layout layout = blocks::make_layout(plan);
  const std::int64_t own =
      kind == EngineKind::fused ? own_products_bytes(plan, layout, config) : 0;
  const std::int64_t bytes = blocks::blocks_bytes(plan, config, own);
  return {std::move(layout), bytes, own};
}

}  // namespace vae::engine
