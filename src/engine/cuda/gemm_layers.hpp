// The layers of a plan as GEMMs: the arguments of gemm.hpp for a convolution, a
// transposed convolution or a linear layer, forward and backward. No memory, no
// launches.
#pragma once

#include "engine/cuda/gemm.hpp"
#include "model/plan.hpp"

namespace vae::engine::cuda {

/// Sizes are checked once (why_no_gemm_pass); kernels count in 32 bits.
std::int32_t narrow(std::int64_t value);

/// Places of an image.
inline std::int64_t places(const model::Extent& e) { return e.h * e.w; }

/// A convolution's input [images, in] as its output [images, out] gathers it.
Gather convolution(const std::uint16_t* from, std::int64_t images,
                   const model::Extent& in, const model::Extent& out,
                   std::int64_t kernel, std::int64_t stride);
/// Rows [images, columns], as images of one place.
Gather rows(const std::uint16_t* from, std::int64_t images,
            std::int64_t columns);

/// What is gathered times weights [n, taps, channels] (K-major); a linear
/// layer's derivative by its input has them the other way round.
GemmArgs forward_args(const Gather& a, const std::uint16_t* weights,
                      std::int64_t n, const EpilogueArgs& epilogue);
/// The derivative by a convolution's input `in`, and the transposed convolution
/// to `in`, from `from` [images, out]; weights [out, taps, in].
GemmArgs transposed_args(const std::uint16_t* from, std::int64_t images,
                         const model::Extent& out, const model::Extent& in,
                         std::int64_t kernel, std::int64_t stride,
                         const std::uint16_t* weights,
                         const EpilogueArgs& epilogue);
/// Partial sums to `out`.
EpilogueArgs partial_sums(float* out);

}  // namespace vae::engine::cuda
