// The commit of a step: Adam (Kingma & Ba 2015, algorithm 1) of one parameter,
// as torch.optim.Adam computes it, with weight decay added to the gradient and
// epsilon to the corrected root, or SGD with momentum, as torch.optim.SGD; the
// schedules of learning rate and KL weight, which are functions of the number
// of updates; and what an update decides before it touches anything: is the
// batch finite, how is the gradient scaled and clipped, how long is the step.
// One text for every device; on CUDA a single thread decides. Whatever the
// settings are, finite parameters and moments stay finite.
#pragma once

#include <cmath>

#include "base/hd.hpp"
#include "base/limits.hpp"
#include "engine/state.hpp"

namespace vae::engine {

// Adam.

template <class T>
struct OptimizerStep {
  // 1 - beta is rounded from double: 1 - 0.999f is off by 1e-5 of its value.
  T rate1, beta2, rate2, epsilon, weight_decay;
  T scale;            // of the gradient: mean and clipping
  T step_size;        // learning rate / (1 - beta1^t); SGD: learning rate
  T second_scale;     // 1 / sqrt(1 - beta2^t)
  T momentum = T(0);  // of SGD: beta1
  bool sgd = false;
};

/// Largest gradient of an element. Its square is so far below float32's range
/// that a moment, an average of old and new, never leaves it.
inline constexpr double kLargestGradient = 1e18;

template <class T>
VAE_HD T limit_gradient(T g) {
  const T most = T(kLargestGradient);
  return g < -most ? -most : (g > most ? most : g);
}

/// The gradient that an optimizer takes. Scaled, it is within the limit
/// (decide() sees to it); its sum with the weight decay may not be.
template <class T>
VAE_HD T decayed_gradient(const OptimizerStep<T>& s, T gradient, T param) {
  return limit_gradient(gradient * s.scale + s.weight_decay * param);
}

/// `next`, unless it is out of the range of T: then there is no step. Infinity
/// minus itself is NaN.
template <class T>
VAE_HD T finite_or(T next, T old) {
  return next - next == T(0) ? next : old;
}

template <class T>
VAE_HD void adam(const OptimizerStep<T>& s, T gradient, T* param, T* moment1,
                 T* moment2) {
  const T g = decayed_gradient(s, gradient, *param);
  const T m = *moment1 + (g - *moment1) * s.rate1;
  const T v = *moment2 * s.beta2 + s.rate2 * (g * g);
  *moment1 = m;
  *moment2 = v;
  const T old = *param;
  *param = finite_or(
      old - s.step_size * (m / (std::sqrt(v) * s.second_scale + s.epsilon)),
      old);
}

/// SGD with momentum; `moment` is PyTorch's momentum_buffer.
template <class T>
VAE_HD void sgd(const OptimizerStep<T>& s, T gradient, T* param, T* moment) {
  const T m = s.momentum * *moment + decayed_gradient(s, gradient, *param);
  *moment = m;
  *param = finite_or(*param - s.step_size * m, *param);
}

/// The optimizer that was chosen.
template <class T>
VAE_HD void optimize(const OptimizerStep<T>& s, T gradient, T* param,
                     T* moment1, T* moment2) {
  if (s.sgd)
    sgd(s, gradient, param, moment1);
  else
    adam(s, gradient, param, moment1, moment2);
}

// Schedules.

/// The part of a rise over `length` updates that is reached after `updates`.
VAE_HD double risen(std::uint64_t updates, std::uint64_t length) {
  return updates < length
             ? static_cast<double>(updates) / static_cast<double>(length)
             : 1.0;
}

/// cos(pi x) for x in [0, 1], within 1e-15: sin(t) by its series, for t between
/// -pi/2 and pi/2. The library's cosine needs a stack on a GPU, and differs
/// between devices.
VAE_HD double cosine_of_pi(double x) {
  constexpr double kPi = 3.14159265358979323846;
  const double t = kPi * (0.5 - x), square = t * t;
  double term = t, sum = t;
  for (int i = 2; i <= 20; i += 2) {
    term *= -square / static_cast<double>(i * (i + 1));
    sum += term;
  }
  return sum;
}

/// Learning rate of the update that follows `updates` others: a linear warm-up,
/// whose first update is not of length 0, then constant or half a cosine
/// (Loshchilov & Hutter 2017, equation 5, without restarts).
VAE_HD double learning_rate_at(const Settings& s, std::uint64_t updates) {
  if (updates < s.warmup) return s.learning_rate * risen(updates + 1, s.warmup);
  if (s.cosine_end == 0) return s.learning_rate;
  if (updates >= s.cosine_end) return s.learning_rate * s.cosine_floor;
  const double part = risen(updates - s.warmup, s.cosine_end - s.warmup);
  const double share = s.cosine_floor + (1.0 - s.cosine_floor) * 0.5 *
                                            (1.0 + cosine_of_pi(part));
  return s.learning_rate * share;
}

/// KL weight of the update that follows `updates` others: rises from 0 to its
/// full value, once or in every cycle (Fu et al. 2019, equation 6).
VAE_HD double kl_weight_at(const Settings& s, std::uint64_t updates) {
  if (s.kl_warmup == 0) return s.kl_full_weight;
  const std::uint64_t place = s.kl_cycle != 0 ? updates % s.kl_cycle : updates;
  return s.kl_full_weight * risen(place, s.kl_warmup);
}

// The decision, and what is done beside the optimizer.

/// A step was issued, whether or not it is committed.
VAE_HD void advance(const Tail& tail, Cursor* cursor) {
  cursor->step += 1;
  if (cursor->order.count != 0)
    cursor->position += static_cast<std::uint64_t>(tail.images);
}

/// beta^t for the t of the update that is to be decided.
VAE_HD double beta_power(double beta, const Control& control) {
  return std::pow(beta, static_cast<double>(control.updates + 1));
}
struct BetaPowers {
  double first, second;
};

/// Zero, or NaN for a number that is not finite. Added to the gradient's square
/// for each of the batch's statistics: one that float32 cannot hold would stay
/// in the running ones, though BatchNorm hides it from the loss.
VAE_HD double refusal(float statistic) {
  return static_cast<double>(statistic - statistic);
}

/// `gradient_square`: squared norm of the gradient as summed over images; NaN
/// if a statistic is not finite. Order: mean, then norm, then clip; weight
/// decay comes later, in Adam.
VAE_HD void decide(const Tail& tail, double gradient_square,
                   const BetaPowers& powers, Control* control) {
  double scale = 1.0;
  if (control->mean_gradient != 0 && tail.images > 0.0f)
    scale = 1.0 / static_cast<double>(tail.images);
  const double square = gradient_square * scale * scale;
  const double norm = std::sqrt(square);
  const bool clips = control->clip_norm > 0.0 && norm > control->clip_norm;
  const double kept = clips ? control->clip_norm : norm;
  // Infinity minus itself is NaN, so this is false for both. Above the limit,
  // the square that Adam keeps in float32 would be infinite for ever. A loss
  // may be finite in double, where the flag is made, and not in float32.
  const bool finite = square - square == 0.0 && kept < kLargestGradient &&
                      tail.loss - tail.loss == 0.0f && !(tail.nonfinite > 0.0f);
  control->skip = finite ? 0 : 1;
  advance(tail, &control->cursor);
  if (!finite) return;
  control->gradient_square = square;
  if (clips) scale *= control->clip_norm / norm;
  const double rate = learning_rate_at(*control, control->updates);
  if (control->updates < kLargestCount) control->updates += 1;
  if (control->kl_warmup != 0)
    control->kl_weight = kl_weight_at(*control, control->updates);
  control->scale = static_cast<float>(scale);
  control->step_size = static_cast<float>(
      control->sgd != 0 ? rate : rate / (1.0 - powers.first));
  control->second_scale =
      static_cast<float>(1.0 / std::sqrt(1.0 - powers.second));
}
VAE_HD void decide(const Tail& tail, double gradient_square, Control* control) {
  decide(tail, gradient_square,
         {beta_power(control->beta1, *control),
          beta_power(control->beta2, *control)},
         control);
}

/// What the optimizer needs of a decided update, in float32.
VAE_HD OptimizerStep<float> optimizer_step(const Control& c) {
  OptimizerStep<float> step;
  step.rate1 = static_cast<float>(1.0 - c.beta1);
  step.beta2 = static_cast<float>(c.beta2);
  step.rate2 = static_cast<float>(1.0 - c.beta2);
  step.epsilon = static_cast<float>(c.epsilon);
  step.weight_decay = static_cast<float>(c.weight_decay);
  step.scale = c.scale;
  step.step_size = c.step_size;
  step.second_scale = c.second_scale;
  step.momentum = static_cast<float>(c.beta1);
  step.sgd = c.sgd != 0;
  return step;
}

/// Adds a committed (or skipped) batch to the sums.
VAE_HD void add_sums(const Tail& tail, const Control& control, Sums* sums) {
  sums->steps += 1.0;
  if (control.skip != 0) {
    sums->skipped += 1.0;
    sums->nonfinite += 1.0;
    return;
  }
  sums->loss += static_cast<double>(tail.loss);
  sums->recon += static_cast<double>(tail.recon);
  sums->kl += static_cast<double>(tail.kl);
  sums->mse += static_cast<double>(tail.mse);
  sums->images += static_cast<double>(tail.images);
  sums->gradient_square += control.gradient_square;
}

/// PyTorch's running statistics: the old value and the batch's, where `sum` is
/// the batch's value times its images.
VAE_HD float fold_running(float old, float sum, float images, float momentum) {
  return (1.0f - momentum) * old + momentum * (sum / images);
}

}  // namespace vae::engine
