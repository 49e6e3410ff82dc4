// The blocks engine: any shape on any device, with LibTorch's operations and
// without autograd. It is the reference for the other engines. The fused engine
// is the same network with a device's fused operations between the GEMMs and
// convolutions.
#pragma once

#include <gsl/gsl>
#include <memory>

#include "base/check.hpp"
#include "engine/blocks/network.hpp"
#include "engine/blocks/torch_scope.hpp"
#include "engine/blocks/training_pass.hpp"
#include "engine/engine.hpp"
#include "engine/operations.hpp"
#include "engine/recorder.hpp"

namespace vae::engine::blocks {

class BlocksEngine final : public Engine {
 public:
  /// `fusion` null: LibTorch's functions for everything.
  BlocksEngine(const model::Plan& plan, const Config& config, Device& device,
               Fusion* fusion);

  EngineKind kind() const override {
    return fusion_ != nullptr ? EngineKind::fused : EngineKind::blocks;
  }
  const Layout& layout() const override { return layout_; }
  void attach(const State& state) override;
  void params_changed() override { copy_is_stale_ = true; }
  std::string describe() const override;

  // Training (blocks_engine.cpp).
  void seek(const Cursor& cursor) override;
  void load(const Input& input) override;
  void gradients(bool accumulate) override;
  void update() override;
  void issue(const WorkKey& key, const std::function<void()>& work) override;

  // Inference (blocks_inference.cpp).
  void score(const Input& input, const Scores& scores) override;
  void encode(const Input& input, const RowTarget& mean,
              const RowTarget& logvar) override;
  void decode(const RowSource& codes, const RowTarget& images) override;
  void sample(const NoiseKey& key, std::uint64_t first_row, float scale,
              const RowTarget& images) override;
  void reconstruct(const Input& input, const RowTarget& images) override;

 private:
  /// Runs `work` under this trainer's LibTorch settings and translates c10
  /// exceptions to vae::Error. A nested call does not set them again.
  template <class Work>
  void run(const Work& work) {
    if (running_) return work();
    running_ = true;
    const auto ended = gsl::finally([this] { running_ = false; });
    try {
      const TorchScope scope(device_, static_cast<int>(config_.threads),
                             config_.precision, config_.deterministic);
      work();
    } catch (const c10::OutOfMemoryError& error) {
      fail(Status::memory, "LibTorch: ", error.what_without_backtrace());
    } catch (const c10::Error& error) {
      const bool cuda = device_.kind() == DeviceKind::cuda;
      fail(cuda ? Status::device : Status::internal,
           "LibTorch: ", error.what_without_backtrace());
    }
  }

  void make_pass();
  /// Error(memory) if training on `count` images cannot fit. CPU only.
  void require_memory(std::int64_t count);
  // Called inside run().
  void refresh_copy();
  Control* control() const {
    return static_cast<Control*>(state_.control.get());
  }

  at::Tensor load_chunk(RowSource from, model::Extent row, std::int64_t done,
                        std::int64_t n, Buffer* to);
  /// chunk_images_ [n, H, W, C] -> heads [n, 2 * latent].
  at::Tensor encode_chunk(std::int64_t n);
  /// z [n, latent] -> decoder's output [n, H * W * C].
  at::Tensor decode_chunk(const at::Tensor& z);
  void score_chunk(const Input& input, std::int64_t done, std::int64_t n,
                   const Scores& scores);
  void store_images(const at::Tensor& output, const RowTarget& to);

  const model::Plan plan_;
  const Layout layout_;
  const Config config_;
  Device& device_;
  Operations& operations_;
  Fusion* fusion_;
  at::TensorOptions options_;
  Parameters parameters_;
  std::unique_ptr<LayerOps> ops_;
  Network network_;
  State state_;
  std::unique_ptr<TrainingPass> pass_;
  DevicePass* device_pass_ = nullptr;  // pass_, if it is a DevicePass

  /// Why the pass does not use the device's own GEMMs; empty: it does.
  std::string why_torch_products_;
  Buffer copy_;  // bfloat16 copy of the parameters, for the fused engine
  bool copy_is_stale_ = true;

  // Training. A recorded graph has fixed addresses for input and State; it
  // reads its position in the data from the cursor.
  Recorder training_;
  Buffer input_;  // [max_batch, H, W, C], from the first step on
  std::int64_t count_ = 0;
  std::uint64_t first_image_ = 0;
  bool running_ = false;          // inside run()
  std::int64_t most_images_ = 0;  // that memory was looked at for

  // Inference, in chunks through fixed buffers for the same reason.
  Recorder inference_;
  Buffer chunk_images_, chunk_codes_;
  at::Tensor chunk_heads_, chunk_output_;
};

}  // namespace vae::engine::blocks
