// The operations of a device (operations.hpp, fusion.hpp) as our CUDA kernels.
// Each function launches its kernels; it is written beside them, in the .cu
// file of its subject. No LibTorch. All sums are formed in a fixed order, so
// that the same input gives the same bytes.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "engine/cuda/gemm.hpp"
#include "engine/cuda/indexing.hpp"
#include "engine/fusion.hpp"
#include "engine/operations.hpp"

namespace vae::engine::cuda {

class KernelDevice;

class KernelOperations final : public Operations {
 public:
  explicit KernelOperations(KernelDevice& device) : device_(device) {}

  // kernels.cu
  void load(const RowSource& from, model::Extent image, float* to) override;
  void store(const float* from, model::Extent image, bool logits,
             const RowTarget& to) override;
  void store_columns(const float* from, std::int64_t width, std::int64_t first,
                     std::int64_t columns, const RowTarget& to) override;
  void normals(const Normals& in) override;
  void latent(const Latent& in) override;
  void latent_gradient(const LatentGradient& in) override;
  void reconstruction(const Reconstruction& in) override;
  void batch_sums(const BatchSums& in) override;
  // commit.cu
  void commit(const Commit& in) override;

  Fusion* fusion() override;

 private:
  KernelDevice& device_;
  Buffer partial_;  // of the gradient's norm; as many as the longest one needs
  std::int64_t partials_ = 0;
};

/// Scratch memory through which blocks combine sums over rows. Rows are split
/// among blocks only if there are few tiles of channels, so one size fits every
/// layer, and recorded graphs can rely on its address.
struct ColumnScratch {
  double* partial;    // [kPartialBlocks, 2, kTileChannels]
  unsigned* arrived;  // [kTileCounters], one per tile; zero between kernels
  float* norm_means;  // [2, kNormChannels], of a norm's backward
};
constexpr std::int64_t kNormChannels = 4096;  // Config allows no more

class KernelFusion final : public Fusion {
 public:
  explicit KernelFusion(KernelDevice& device) : device_(device) {}

  // norm.cu
  void norm_forward(const NormForward& in) override;
  void norm_running(const NormRunning& in) override;
  void norm_backward(const NormBackward& in) override;
  // bias.cu
  void bias_forward(const BiasForward& in) override;
  void bias_backward(const BiasBackward& in) override;
  // latent_fused.cu
  void latent_forward(const LatentForward& in) override;
  void latent_backward(const LatentBackward& in) override;
  // loss.cu
  void loss(const FusedLoss& in) override;
  // collect.cu
  void collect(const Collect& in) override;
  void refresh_copy(const float* params, std::int64_t count,
                    std::uint16_t* copy) override;
  // gemm_pass.cpp
  std::string why_no_pass(const model::Plan& plan,
                          const Config& config) const override;
  std::unique_ptr<DevicePass> make_pass(const PassContext& context,
                                        const std::uint16_t* copy) override;

 private:
  ColumnScratch scratch();

  KernelDevice& device_;
  Buffer partial_, arrived_, norm_means_;
};

/// A device on which these kernels are launched. The derived class implements
/// memory, copies and host access.
class KernelDevice : public Device {
 public:
  Operations& operations() final { return operations_; }
  KernelFusion& fusion() { return fusion_; }
  virtual TensorCores tensor_cores() const { return TensorCores::none; }
  virtual cudaStream_t stream() const = 0;
  /// A second stream, for work that may overlap with the first's: from fork()
  /// on it follows what the first has been given so far, and after join() the
  /// first follows it.
  virtual cudaStream_t side_stream() { return stream(); }
  virtual void fork() {}
  virtual void join() {}
  /// After kernels were started: throws if one could not be.
  virtual void check_launch() const = 0;

 private:
  KernelOperations operations_{*this};
  KernelFusion fusion_{*this};
};

inline Fusion* KernelOperations::fusion() { return &device_.fusion(); }

}  // namespace vae::engine::cuda
