// The element-wise loops of a step on the CPU, one row or chunk at a time and
// without threads, and the commit over all chunks. Sums are formed in fixed
// lanes, so neither the instruction set nor the number of threads changes a bit
// of them; and they go on in double after a few terms, so that they do not
// suffer from many.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/rng.hpp"
#include "engine/math/update.hpp"
#include "engine/operations.hpp"
#include "engine/state.hpp"

// Compiled for newer instruction sets as well; the loader picks one. Sanitizers
// cannot instrument the resolvers that this needs.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VAE_CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define VAE_CLONES
#endif
// Only what is inlined into a clone is compiled for its instruction set.
#define VAE_INLINE [[gnu::always_inline]] inline

namespace vae::engine::cpu {

/// *to = value, or += in an accumulated gradient.
template <class T>
void put(T* to, T value, bool add) {
  *to = add ? *to + value : value;
}

/// Noise of one row, times `scale`.
void normal_row(const NoiseKey& key, std::uint32_t row, std::int64_t width,
                float scale, float* out);

/// One row of heads [2 * latent] to z [latent]; returns the row's KL.
double latent_row(const float* heads, const float* noise, std::int64_t latent,
                  float* z);
void latent_gradient_row(const float* heads, const float* noise,
                         const float* dz, std::int64_t latent, float kl_weight,
                         float* dheads);

struct RowLoss {
  double recon, square;  // sums over the row's pixels
};
/// `gradient` may be null; it may not be one of the others.
RowLoss bernoulli_row(const float* logits, const float* target, std::int64_t n,
                      float* gradient);
RowLoss gaussian_row(const float* values, const float* target, std::int64_t n,
                     double sigma, float* gradient);

/// p(x | z) as configured; sigma is of the Gaussian.
struct PixelLikelihood {
  Likelihood kind;
  double sigma;
};
/// The one of the two that is configured: *recon gets the loss, *mse the mean
/// squared error of the row.
void likelihood_row(const PixelLikelihood& likelihood, const float* output,
                    const float* target, std::int64_t n, float* gradient,
                    float* recon, float* mse);

double square_sum(const float* values, std::int64_t n);

/// A matrix whose rows begin `step` floats apart.
struct Rows {
  const float* values;
  std::int64_t rows, columns, step;
};
/// sums [columns] over rows, in their order: a thousand in float, then on in
/// double.
void row_sums(const Rows& in, bool add, float* sums);
void adam_chunk(const OptimizerStep<float>& step, const float* gradient,
                std::int64_t n, float* param, float* moment1, float* moment2);
void sgd_chunk(const OptimizerStep<float>& step, const float* gradient,
               std::int64_t n, float* param, float* moment);

/// One image from the caller's format to [H][W][C] float32 and back.
void load_image(const void* row, ElementType type, vae::Layout layout,
                model::Extent image, float* to);
void store_image(const float* from, model::Extent image, bool logits,
                 ElementType type, vae::Layout layout, void* to);
/// Row i of a source, and row i of a target: where they lie, and the above.
void load_row(const RowSource& from, std::int64_t i, model::Extent image,
              float* to);
void store_row(const float* from, std::int64_t i, model::Extent image,
               bool logits, const RowTarget& to);

// The commit: decides, applies the optimizer, folds the running statistics,
// adds to the sums. Who runs its chunks, and on how many threads, is the
// caller's matter and changes no bit: each(n, body) calls body(i) for every i
// in [0, n), in any order.

inline constexpr std::int64_t kChunk = 16384;  // floats of a task: 64 KiB each

inline std::int64_t chunks_of(std::int64_t count) {
  return (count + kChunk - 1) / kChunk;
}

/// values [count] -> sum of squares. `partial` is memory that the caller keeps,
/// so that steps after the first allocate nothing.
template <class Each>
double square_norm(const float* values, std::int64_t count,
                   std::vector<double>& partial, Each& each) {
  partial.resize(static_cast<std::size_t>(chunks_of(count)));
  each(chunks_of(count), [&](std::int64_t i) {
    const std::int64_t first = i * kChunk;
    partial[static_cast<std::size_t>(i)] =
        square_sum(values + first, std::min(kChunk, count - first));
  });
  double total = 0;
  for (const double value : partial) total += value;
  return total;
}

template <class Each>
void apply_optimizer(const State& state, const Control& control,
                     std::int64_t count, Each& each) {
  const OptimizerStep<float> step = optimizer_step(control);
  each(chunks_of(count), [&](std::int64_t i) {
    const std::int64_t first = i * kChunk;
    const std::int64_t n = std::min(kChunk, count - first);
    const float* gradient = floats(state.reduced) + first;
    float* param = floats(state.param) + first;
    float* moment1 = floats(state.moment1) + first;
    if (step.sgd)
      sgd_chunk(step, gradient, n, param, moment1);
    else
      adam_chunk(step, gradient, n, param, moment1,
                 floats(state.moment2) + first);
  });
}

inline void add_to_sums(const State& state, const Control& control,
                        const Tail& tail, const float* tail_start,
                        std::int64_t latent) {
  auto* values = static_cast<double*>(state.sums.get());
  Sums sums;
  std::memcpy(&sums, values, sizeof sums);
  add_sums(tail, control, &sums);
  std::memcpy(values, &sums, sizeof sums);
  if (control.skip != 0) return;
  for (std::int64_t i = 0; i < 3 * latent; ++i)
    values[kSumDoubles + i] += static_cast<double>(tail_start[kTailFloats + i]);
}

template <class Each>
void commit(const State& state, const Layout& layout, std::int64_t latent,
            std::vector<double>& partial, Each each) {
  auto* control = static_cast<Control*>(state.control.get());
  const float* gradient = floats(state.reduced);
  const float* batch = gradient + layout.param_floats;
  Tail tail;
  std::memcpy(&tail, batch + layout.running_floats, sizeof tail);
  double square = square_norm(gradient, layout.param_floats, partial, each);
  for (std::int64_t i = 0; i < layout.running_floats; ++i)
    square += refusal(batch[i]);
  decide(tail, square, control);
  if (control->skip == 0) {
    apply_optimizer(state, *control, layout.param_floats, each);
    float* running = floats(state.running);
    const auto momentum = static_cast<float>(model::kNormMomentum);
    for (std::int64_t i = 0; i < layout.running_floats; ++i)
      running[i] = fold_running(running[i], batch[i], tail.images, momentum);
  }
  add_to_sums(state, *control, tail, batch + layout.running_floats, latent);
}

}  // namespace vae::engine::cpu
