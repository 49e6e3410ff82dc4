// The two terms of the loss, of one element, with their derivatives. KL: the
// divergence KL(N(mean, e^logvar) || N(0, 1)) of one dimension of the code, and
// the reparameterisation z = mean + e^(logvar / 2) * noise (Kingma & Welling
// 2014, appendix B). Reconstruction: -log p(x | z) of one pixel.
#pragma once

#include <cmath>

#include "engine/math/numbers.hpp"

namespace vae::engine {

/// Keeps e^logvar finite. Its gradient is that of the identity: a unit that
/// strays outside is still pulled back.
template <class T>
VAE_HD T clamp_logvar(T logvar) {
  return logvar < T(-30) ? T(-30) : (logvar > T(20) ? T(20) : logvar);
}

template <class T>
VAE_HD T reparameterise(T mean, T logvar, T noise) {
  return mean + exponential(T(0.5) * clamp_logvar(logvar)) * noise;
}

template <class T>
VAE_HD T kl_divergence(T mean, T logvar) {
  const T v = clamp_logvar(logvar);
  return T(0.5) * ((mean * mean + (exponential(v) - T(1))) - v);
}

template <class T>
struct LatentSlope {
  T mean, logvar;
};

/// Derivatives of (loss through z) + kl_weight * KL by mean and logvar, given
/// dz, the derivative of the loss by z.
template <class T>
VAE_HD LatentSlope<T> latent_slope(T dz, T mean, T logvar, T noise,
                                   T kl_weight) {
  const T v = clamp_logvar(logvar);
  const T sigma = exponential(T(0.5) * v);
  return {dz + kl_weight * mean,
          T(0.5) * (dz * noise * sigma + kl_weight * (sigma * sigma - T(1)))};
}

/// -log p(x | z) of one pixel, and its derivative by what the decoder put out.
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
