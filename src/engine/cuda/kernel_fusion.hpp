// The fused operations by our kernels: launch functions, and the class that
// gives them their scratch memory. No LibTorch.
#pragma once

#include <cuda_runtime_api.h>

#include "engine/cuda/column_grid.hpp"
#include "engine/cuda/kernel_device.hpp"
#include "engine/fusion.hpp"

namespace vae::engine::cuda {

/// Scratch memory through which blocks combine sums over rows. Rows are split
/// among blocks only if there are few tiles of channels, so one size fits every
/// layer, and recorded graphs can rely on its address.
struct ColumnScratch {
  double* partial;    // [kPartialBlocks, 2, kTileChannels]
  unsigned* arrived;  // [kTileCounters], one per tile; zero between kernels
  float* norm_means;  // [2, kNormChannels], of a norm's backward
};
constexpr std::int64_t kNormChannels = 4096;  // Config allows no more

void norm_forward(const NormForward& in, const ColumnScratch& scratch,
                  cudaStream_t stream);
void norm_running(const NormRunning& in, cudaStream_t stream);
void norm_backward(const NormBackward& in, const ColumnScratch& scratch,
                   cudaStream_t stream);
void bias_forward(const BiasForward& in, cudaStream_t stream);
void bias_backward(const BiasBackward& in, const ColumnScratch& scratch,
                   cudaStream_t stream);
void latent_forward(const LatentForward& in, cudaStream_t stream);
void latent_backward(const LatentBackward& in, const ColumnScratch& scratch,
                     cudaStream_t stream);
void fused_loss(const FusedLoss& in, cudaStream_t stream);
void collect(const Collect& in, cudaStream_t stream);
void refresh_copy(const float* params, std::int64_t count, std::uint16_t* copy,
                  cudaStream_t stream);

class KernelFusion final : public Fusion {
 public:
  explicit KernelFusion(KernelDevice& device) : device_(device) {}

  void norm_forward(const NormForward& in) override;
  void norm_running(const NormRunning& in) override;
  void norm_backward(const NormBackward& in) override;
  void bias_forward(const BiasForward& in) override;
  void bias_backward(const BiasBackward& in) override;
  void latent_forward(const LatentForward& in) override;
  void latent_backward(const LatentBackward& in) override;
  void loss(const FusedLoss& in) override;
  void collect(const Collect& in) override;
  void commit(const State& state, const Layout& layout, std::int64_t latent,
              std::uint16_t* copy, const GradientNorm& norm) override;
  void refresh_copy(const float* params, std::int64_t count,
                    std::uint16_t* copy) override;
  std::string why_no_pass(const model::Plan& plan,
                          const Config& config) const override;
  std::unique_ptr<DevicePass> make_pass(const PassContext& context,
                                        const std::uint16_t* copy) override;

 private:
  ColumnScratch scratch();

  KernelDevice& device_;
  Buffer partial_, arrived_, norm_means_;
};

}  // namespace vae::engine::cuda
