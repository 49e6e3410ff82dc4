// The element-wise loops of a step on the CPU, one row or chunk at a time and
// without threads. Sums are formed in fixed lanes, so neither the instruction
// set nor the number of threads changes a bit of them; and they go on in double
// after a few terms, so that they do not suffer from many.
#pragma once

#include <cstdint>

#include "base/rng.hpp"
#include "engine/device.hpp"
#include "engine/math/adam.hpp"

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
void adam_chunk(const AdamStep<float>& step, const float* gradient,
                std::int64_t n, float* param, float* moment1, float* moment2);

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

}  // namespace vae::engine::cpu
