// See kernel_fusion.hpp.
#include "engine/cuda/kernel_fusion.hpp"

#include "engine/cuda/gemm_pass.hpp"

namespace vae::engine::cuda {

/// Zeroed when allocated, which is what the counters start from.
ColumnScratch KernelFusion::scratch() {
  if (partial_ == nullptr) {
    partial_ = device_.allocate(kPartialBlocks * 2 * kTileChannels *
                                std::int64_t{sizeof(double)});
    arrived_ = device_.allocate(kTileCounters * std::int64_t{sizeof(unsigned)});
    norm_means_ =
        device_.allocate(2 * kNormChannels * std::int64_t{sizeof(float)});
  }
  return {static_cast<double*>(partial_.get()),
          static_cast<unsigned*>(arrived_.get()), floats(norm_means_)};
}

void KernelFusion::norm_forward(const NormForward& in) {
  cuda::norm_forward(in, scratch(), device_.stream());
  device_.check_launch();
}

void KernelFusion::norm_running(const NormRunning& in) {
  cuda::norm_running(in, device_.stream());
  device_.check_launch();
}

void KernelFusion::norm_backward(const NormBackward& in) {
  cuda::norm_backward(in, scratch(), device_.stream());
  device_.check_launch();
}

void KernelFusion::bias_forward(const BiasForward& in) {
  cuda::bias_forward(in, device_.stream());
  device_.check_launch();
}

void KernelFusion::bias_backward(const BiasBackward& in) {
  cuda::bias_backward(in, scratch(), device_.stream());
  device_.check_launch();
}

void KernelFusion::latent_forward(const LatentForward& in) {
  cuda::latent_forward(in, device_.stream());
  device_.check_launch();
}

void KernelFusion::latent_backward(const LatentBackward& in) {
  cuda::latent_backward(in, scratch(), device_.stream());
  device_.check_launch();
}

void KernelFusion::loss(const FusedLoss& in) {
  cuda::fused_loss(in, device_.stream());
  device_.check_launch();
}

void KernelFusion::collect(const Collect& in) {
  cuda::collect(in, device_.stream());
  device_.check_launch();
}

void KernelFusion::commit(const State& state, const Layout& layout,
                          std::int64_t latent, std::uint16_t* copy,
                          const GradientNorm& norm) {
  device_.commit_with(state, layout, latent, copy, norm);
}

std::string KernelFusion::why_no_pass(const model::Plan& plan,
                                      const Config& config) const {
  return why_no_gemm_pass(plan, config, device_.tensor_cores());
}

std::unique_ptr<DevicePass> KernelFusion::make_pass(const PassContext& context,
                                                    const std::uint16_t* copy) {
  return std::make_unique<GemmPass>(context, copy, device_);
}

void KernelFusion::refresh_copy(const float* params, std::int64_t count,
                                std::uint16_t* copy) {
  cuda::refresh_copy(params, count, copy, device_.stream());
  device_.check_launch();
}

}  // namespace vae::engine::cuda
