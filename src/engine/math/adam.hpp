// Adam (Kingma & Ba 2015, algorithm 1) as torch.optim.Adam computes it: weight
// decay is added to the gradient, epsilon to the corrected root. Whatever the
// settings are, finite parameters and moments stay finite.
#pragma once

#include <cmath>

#include "base/hd.hpp"

namespace vae::engine {

template <class T>
struct AdamStep {
  // 1 - beta is rounded from double: 1 - 0.999f is off by 1e-5 of its value.
  T rate1, beta2, rate2, epsilon, weight_decay;
  T scale;         // of the gradient: mean and clipping
  T step_size;     // learning rate / (1 - beta1^t)
  T second_scale;  // 1 / sqrt(1 - beta2^t)
};

/// Largest gradient of an element. Its square is so far below float32's range
/// that a moment, an average of old and new, never leaves it.
inline constexpr double kLargestGradient = 1e18;

template <class T>
VAE_HD T limit_gradient(T g) {
  const T most = T(kLargestGradient);
  return g < -most ? -most : (g > most ? most : g);
}

template <class T>
VAE_HD void adam(const AdamStep<T>& s, T gradient, T* param, T* moment1,
                 T* moment2) {
  // The scaled gradient is within the limit (decide() sees to it), its sum with
  // the weight decay may not be.
  const T g = limit_gradient(gradient * s.scale + s.weight_decay * *param);
  const T m = *moment1 + (g - *moment1) * s.rate1;
  const T v = *moment2 * s.beta2 + s.rate2 * (g * g);
  *moment1 = m;
  *moment2 = v;
  const T old = *param;
  const T next =
      old - s.step_size * (m / (std::sqrt(v) * s.second_scale + s.epsilon));
  // Infinity minus itself is NaN. A step out of the range of T is not taken.
  *param = next - next == T(0) ? next : old;
}

}  // namespace vae::engine
