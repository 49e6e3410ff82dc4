// A training or inference pass of a convolutional network in bfloat16 by
// libvae's kernels alone: the GEMMs of a plan, their buffers, and the order of
// launches. In training the weight gradients run concurrently with the input
// gradients.
#pragma once

#include <string>

#include "engine/cuda/gemm_layers.hpp"
#include "engine/cuda/gemm_memory.hpp"
#include "engine/cuda/kernel_operations.hpp"

namespace vae::engine::cuda {

/// Why these kernels do not support a configuration; empty: they do.
std::string why_no_gemm_pass(const model::Plan& plan, const Config& config,
                             TensorCores cores);

class GemmPass final : public DevicePass {
 public:
  /// `copy`: the parameters as bfloat16 in the order of the layout.
  GemmPass(const PassContext& context, const std::uint16_t* copy,
           KernelDevice& device)
      : c_(context),
        copy_(copy),
        device_(device),
        cores_(device.tensor_cores()),
        memory_(c_.plan, c_.layout, c_.config, cores_, device) {}

  void run(float* input, std::int64_t count, std::uint64_t first_image,
           bool accumulate) override;
  void encode(const float* images, std::int64_t count, float* heads) override;
  void decode(const float* codes, std::int64_t count, float* output) override;
  GradientNorm norm() const override {
    return {static_cast<double*>(memory_.norms.get()), memory_.task_count};
  }

 private:
  void begin(std::int64_t count);
  void forward_encoder();
  void forward_code(std::uint64_t first_image);
  void forward_decoder();
  void backward_decoder();
  void backward_code();
  void backward_encoder();

  void start(const GemmArgs& args, bool b_k_major) {
    gemm(args, b_k_major, cores_, stream_);
  }
  void start_weights(const WeightGemmArgs& args) {
    weight_gemm(args, cores_, stream_);
  }
  /// `other` on the second stream, after all that the first was given before
  /// `work`. `work` starts first: what follows waits for it.
  template <class Work, class Other>
  void beside(Work work, Other other) {
    device_.fork();
    work();
    stream_ = device_.side_stream();
    other();
    stream_ = device_.stream();
  }

  /// What layer i of the decoder reads.
  const GemmMemory::Decoding& before(std::size_t i) const {
    return i == 0 ? memory_.expand : memory_.decoder[i - 1];
  }
  /// The product that gives partial sums of the heads.
  GemmArgs heads_product() const;
  /// The decoder's layers but the last, from the code in memory.z.
  void hidden_layers();
  LastLayerArgs last_layer_args() const;
  EpilogueArgs output_of(const model::Layer& layer,
                         const GemmMemory::Decoding& d) const;
  EpilogueArgs normalised(std::size_t i) const;
  /// The derivative by what layer i of the decoder reads, or by the output of
  /// the norm of layer i of the encoder.
  EpilogueArgs toward_decoding(std::size_t i) const;
  EpilogueArgs toward_encoding(std::size_t i) const;
  NormGradientColumns norm_columns(std::size_t i) const;
  Patches patches_of(const float* image, const model::Extent& size,
                     const model::Extent& grid) const {
    return make_patches(image, count_, size.h, size.w, grid.h, grid.w);
  }

  const Segment& segment(int index) const {
    return c_.layout.params[static_cast<std::size_t>(index)];
  }
  const std::uint16_t* weight(int index) const {
    return copy_ + segment(index).offset;
  }
  const float* value(int index) const {
    return floats(c_.state.param) + segment(index).offset;
  }
  const float* running(int index) const {
    return floats(c_.state.running) +
           c_.layout.running[static_cast<std::size_t>(index)].offset;
  }
  float* batch_running(int index) const {
    return floats(c_.state.reduced) + c_.layout.param_floats +
           c_.layout.running[static_cast<std::size_t>(index)].offset;
  }
  const model::Layer& encoder(std::size_t i) const {
    return c_.plan.encoder[i];
  }
  const model::Layer& decoder(std::size_t i) const {
    return c_.plan.decoder[i];
  }

  const PassContext c_;
  const std::uint16_t* copy_;  // parameters as bfloat16
  KernelDevice& device_;
  TensorCores cores_;
  GemmMemory memory_;
  bool clean_ = true;  // whether the exact sums start from zero

  // Of the current batch.
  cudaStream_t stream_ = nullptr;
  const float* input_ = nullptr;
  std::int32_t count_ = 0;
  bool accumulate_ = false;
};

}  // namespace vae::engine::cuda
