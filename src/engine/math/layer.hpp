// BatchNorm and activation of one element, and their derivatives. The
// statistics are given: sums over rows are formed elsewhere.
#pragma once

#include "base/hd.hpp"
#include "engine/state.hpp"

namespace vae::engine {

/// NaN stays NaN under both activations.
template <class T>
VAE_HD T activate(T x, model::Activation kind) {
  switch (kind) {
    case model::Activation::relu:
      return x < T(0) ? T(0) : x;
    case model::Activation::leaky_relu:
      return x > T(0) ? x : x * T(model::kLeakySlope);
    case model::Activation::none:
      break;
  }
  return x;
}

/// dy times the activation's slope, told from its output, which has the
/// input's sign. At zero, where there is no slope, PyTorch's choice.
template <class T>
VAE_HD T activation_gradient(T dy, T out, model::Activation kind) {
  switch (kind) {
    case model::Activation::relu:
      return out <= T(0) ? T(0) : dy;
    case model::Activation::leaky_relu:
      return out > T(0) ? dy : dy * T(model::kLeakySlope);
    case model::Activation::none:
      break;
  }
  return dy;
}

template <class T>
VAE_HD T normalise(T x, T mean, T invstd) {
  return (x - mean) * invstd;
}

/// Derivative by BatchNorm's input, given g, the one by its output. The batch's
/// statistics depend on the input as well: `mean_g` and `mean_gx` are the means
/// over rows of g and of g times the normalised x.
template <class T>
VAE_HD T norm_input_gradient(T g, T normalised, T weight, T invstd, T mean_g,
                             T mean_gx) {
  return weight * invstd * (g - mean_g - normalised * mean_gx);
}

}  // namespace vae::engine
