// A device's element-wise operations as CUDA kernels, on device memory. The
// derived class implements memory, copies and host access.
#pragma once

#include <memory>

#include "engine/cuda/gemm.hpp"
#include "engine/cuda/kernels.hpp"
#include "engine/device.hpp"

namespace vae::engine::cuda {

class KernelDevice : public Device {
 public:
  void normals(const Normals& in) final;
  void latent(const Latent& in) final;
  void latent_gradient(const LatentGradient& in) final;
  void reconstruction(const Reconstruction& in) final;
  void batch_sums(const BatchSums& in) final;
  void commit(const State& state, const Layout& layout,
              std::int64_t latent) final;
  Fusion* fusion() final;
  virtual TensorCores tensor_cores() const { return TensorCores::none; }

 protected:
  virtual cudaStream_t stream() const = 0;
  /// A second stream, for work that may overlap with the first's: from fork()
  /// on it follows what the first has been given so far, and after join() the
  /// first follows it.
  virtual cudaStream_t side_stream() { return stream(); }
  virtual void fork() {}
  virtual void join() {}
  /// After kernels were started: throws if one could not be.
  virtual void check_launch() const = 0;

  /// Device::load of rows on the device.
  void load_here(const RowSource& from, model::Extent image, float* to);
  /// Device::store and store_columns into `memory` on the device.
  void store_here(const float* from, model::Extent image, bool logits,
                  const RowTarget& to, void* memory);
  void store_columns_here(const float* from, std::int64_t width,
                          std::int64_t first, std::int64_t columns,
                          std::int64_t rows, void* memory);

 private:
  friend class KernelFusion;
  friend class GemmPass;
  void commit_with(const State& state, const Layout& layout,
                   std::int64_t latent, std::uint16_t* copy,
                   const GradientNorm& norm);

  Buffer partial_;  // of the gradient's norm; as many as the longest one needs
  std::int64_t partials_ = 0;
  std::unique_ptr<Fusion> fusion_;
};

}  // namespace vae::engine::cuda
