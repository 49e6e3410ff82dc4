// -log p(x | z) of one pixel and its derivative by what the decoder put out.
#pragma once

#include <cmath>

#include "engine/math/elementary.hpp"

namespace vae::engine {

template <class T>
struct PixelLoss {
  T loss, gradient;
  T mean;  // E[x | z], what a picture shows
};

/// Bernoulli on the logit l with a target anywhere in [0, 1]:
/// max(l, 0) - l x + ln(1 + e^-|l|), which is stable for every l.
template <class T>
VAE_HD PixelLoss<T> bernoulli_loss(T logit, T target) {
  const T t = exponential(logit < T(0) ? logit : -logit);
  const T small = t / (T(1) + t);
  const T mean = logit < T(0) ? small : T(1) / (T(1) + t);
  const T positive = logit > T(0) ? logit : T(0);
  return {(positive - logit * target) + log1p_unit(t), mean - target, mean};
}

VAE_HD double gaussian_precision(double sigma) { return 1.0 / (sigma * sigma); }
VAE_HD double gaussian_norm(double sigma) {
  return std::log(sigma) + 0.5 * std::log(6.283185307179586);
}

/// Gaussian with fixed standard deviation: precision is 1 / sigma^2, norm is
/// ln(sigma) + ln(2 pi) / 2 (above).
template <class T>
VAE_HD PixelLoss<T> gaussian_loss(T value, T target, T precision, T norm) {
  const T d = value - target;
  return {T(0.5) * precision * (d * d) + norm, precision * d, value};
}

}  // namespace vae::engine
