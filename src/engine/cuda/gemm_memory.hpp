// The workspace of a GemmPass for the largest batch: activations, their
// gradients and partial sums; and the table that maps partial sums to
// parameters. Allocated once, because recorded graphs contain its addresses.
#pragma once

#include <vector>

#include "engine/cuda/gemm_kernels.hpp"
#include "engine/device.hpp"
#include "engine/training_pass.hpp"

namespace vae::engine::cuda {

class GemmMemory {
 public:
  using Bf16 = std::uint16_t;
  /// What a layer of the encoder keeps between forward and backward.
  struct Encoding {
    Bf16 *product, *out, *gradient;   // [images, places, channels]
    float *mean, *invstd;             // [channels]
    ExactSum *statistics, *backward;  // [2, channels] each
    float* weight_sums;               // [splits, weights]
    std::int32_t splits;
  };
  /// Of a layer of the decoder, or of the one that expands the code: its output
  /// and the derivative by it. The last layer has neither.
  struct Decoding {
    Bf16 *out, *gradient;
    ExactSum* bias_sums;  // [channels]; null: expand has one bias a place
    float* weight_sums;
    std::int32_t splits;
  };

  GemmMemory(const model::Plan& plan, const Layout& layout,
             const Config& config, TensorCores cores, Device& device);

  std::vector<Encoding> encoder;
  Decoding expand{};
  std::vector<Decoding> decoder;
  float *heads, *noise,
      *kl;           // [images, 2 * latent], [images, latent], [images]
  float* code_sums;  // partial, of heads and of dz
  Bf16 *z, *dheads;
  float* dlogits;        // [images, pixels]
  float* expand_bias;    // [features]: its gradient
  float* heads_weights;  // [2 * latent, features]: its gradient
  ExactSum* heads_bias;  // [2 * latent]
  LossTotals* totals;
  /// The exact sums of the forward, and of the backward.
  Clear forward_sums, backward_sums;

  Buffer tasks, norms;  // [task_count]
  std::int64_t task_count = 0, task_bytes = 0;

 private:
  template <class T>
  T* take(std::int64_t count);
  ExactSum* take_exact(std::int64_t count);
  void make_sums();
  void make_encoder();
  void make_decoder();
  void make_code();
  void make_tasks();
  Decoding hidden(const model::Layer& layer);

  float* weight_task(int index, std::int64_t elements, std::int32_t splits);
  void conv_task(const model::Layer& layer, float** sums, std::int32_t* splits);
  void partial_task(int index, const float* partial, std::int64_t elements,
                    std::int32_t splits);
  void exact_task(int index, const ExactSum* sums, std::int64_t count);

  const model::Plan& plan_;
  const Layout& layout_;
  const std::int64_t most_;  // images
  const TensorCores cores_;
  Device& device_;
  std::vector<Buffer> memory_;
  ExactSum* next_exact_ = nullptr;
  std::vector<GradientTask> list_;
};

}  // namespace vae::engine::cuda
