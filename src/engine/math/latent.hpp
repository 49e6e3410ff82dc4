// The reparameterisation z = mean + e^(logvar / 2) * noise and the divergence
// KL(N(mean, e^logvar) || N(0, 1)) of one dimension (Kingma & Welling 2014,
// appendix B), with their derivatives.
#pragma once

#include "engine/math/elementary.hpp"

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

}  // namespace vae::engine
