// Adam (Kingma & Ba 2015, algorithm 1) as torch.optim.Adam computes it: weight
// decay is added to the gradient, epsilon to the corrected root.
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

template <class T>
VAE_HD void adam(const AdamStep<T>& s, T gradient, T* param, T* moment1,
                 T* moment2) {
  const T g = gradient * s.scale + s.weight_decay * *param;
  const T m = *moment1 + (g - *moment1) * s.rate1;
  const T v = *moment2 * s.beta2 + s.rate2 * (g * g);
  *moment1 = m;
  *moment2 = v;
  *param -= s.step_size * (m / (std::sqrt(v) * s.second_scale + s.epsilon));
}

}  // namespace vae::engine
