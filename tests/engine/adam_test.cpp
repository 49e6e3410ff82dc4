// Our Adam over the flat buffer against torch::optim::Adam: fifty steps on the
// same gradients, with and without weight decay, equal up to rounding.
#include <algorithm>

#include "engine/autograd.hpp"
#include "engine/math/update.hpp"
#include "engine/operations.hpp"

namespace vae::engine {
namespace {

constexpr std::int64_t kCount = 1000;
constexpr int kSteps = 50;

struct AdamCase {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
};

const AdamCase kSettings[]{{1e-3, 0.9, 0.999, 1e-8, 0},
                           {1e-2, 0.9, 0.999, 1e-8, 0.1},
                           {1e-3, 0.5, 0.9, 1e-3, 1e-2},
                           {1e-3, 0, 0, 1e-8, 0}};

/// Gradients of one step: of every size from 1e-9 to 10, some exactly zero.
at::Tensor gradient_of(int step, at::ScalarType type) {
  const at::Tensor normal = random_tensor({kCount}, 100 + step);
  const at::Tensor size =
      at::pow(10.0, at::linspace(-9, 1, kCount, at::kDouble));
  at::Tensor gradient = (normal * size).to(at::kFloat);
  gradient.slice(0, 0, 10).zero_();
  return gradient.to(type);
}

at::Tensor start() { return random_tensor({kCount}, 1).to(at::kFloat); }

/// LibTorch's parameters after each step, in float32 or float64.
std::vector<at::Tensor> reference(const AdamCase& s, at::ScalarType type) {
  at::Tensor param = start().to(type).requires_grad_(true);
  torch::optim::Adam adam({param}, torch::optim::AdamOptions(s.learning_rate)
                                       .betas({s.beta1, s.beta2})
                                       .eps(s.epsilon)
                                       .weight_decay(s.weight_decay));
  std::vector<at::Tensor> all;
  for (int step = 0; step < kSteps; ++step) {
    param.mutable_grad() = gradient_of(step, type);
    adam.step();
    all.push_back(param.detach().to(at::kDouble, false, true));
  }
  return all;
}

Buffer filled(Device& device, const at::Tensor& values) {
  Buffer buffer = device.allocate(values.numel() * 4);
  device.upload(buffer.get(), values.data_ptr<float>(), values.numel() * 4);
  return buffer;
}

/// Ours, through the commit of a step.
std::vector<at::Tensor> ours(const AdamCase& s) {
  const auto device = make_cpu_device(2);
  Layout layout;
  layout.param_floats = kCount;
  State state;
  state.param = filled(*device, start());
  state.moment1 = device->allocate(kCount * 4);
  state.moment2 = device->allocate(kCount * 4);
  state.reduced = device->allocate((kCount + tail_floats(1)) * 4);
  state.running = device->allocate(4);
  state.sums = device->allocate(sum_doubles(1) * 8);
  state.control = device->allocate(sizeof(Control));
  auto* control = static_cast<Control*>(state.control.get());
  control->learning_rate = s.learning_rate;
  control->beta1 = s.beta1;
  control->beta2 = s.beta2;
  control->epsilon = s.epsilon;
  control->weight_decay = s.weight_decay;
  floats(state.reduced)[kCount + 4] = 1;  // one image
  std::vector<at::Tensor> all;
  for (int step = 0; step < kSteps; ++step) {
    const at::Tensor gradient = gradient_of(step, at::kFloat);
    device->upload(state.reduced.get(), gradient.data_ptr<float>(), kCount * 4);
    device->operations().commit({state, layout, 1});
    REQUIRE(control->skip == 0);
    all.push_back(at::from_blob(state.param.get(), {kCount}, at::kFloat)
                      .to(at::kDouble, false, true));
  }
  return all;
}

double largest(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("fifty steps are torch::optim::Adam's within rounding") {
  for (const AdamCase& s : kSettings) {
    CAPTURE(s.beta1);
    CAPTURE(s.weight_decay);
    const auto got = ours(s);
    const auto single = reference(s, at::kFloat);
    const auto exact = reference(s, at::kDouble);
    double off = 0, theirs = 0;
    for (std::size_t i = 0; i < kSteps; ++i) {
      off = std::max(off, largest(got[i], exact[i]));
      theirs = std::max(theirs, largest(single[i], exact[i]));
    }
    // Parameters below 4 have units of 2.4e-7, and each step rounds once; the
    // steps themselves are of the learning rate's size, rounded some times.
    const double unit = 1.2e-7 * 4 + 1e-6 * s.learning_rate;
    CHECK_LE(off, kSteps * unit);
    // And no worse than what float32 costs LibTorch itself.
    CHECK_LE(off, 2 * theirs + unit);
  }
}

TEST_CASE("in float64 the formula is Adam's to the last digits") {
  const AdamCase& s = kSettings[1];
  const auto exact = reference(s, at::kDouble);
  at::Tensor param = start().to(at::kDouble);
  at::Tensor m = at::zeros_like(param), v = at::zeros_like(param);
  for (int step = 0; step < kSteps; ++step) {
    const double t = step + 1;
    const AdamStep<double> adam_step{
        1 - s.beta1,
        s.beta2,
        1 - s.beta2,
        s.epsilon,
        s.weight_decay,
        1.0,
        s.learning_rate / (1 - std::pow(s.beta1, t)),
        1 / std::sqrt(1 - std::pow(s.beta2, t))};
    const at::Tensor gradient = gradient_of(step, at::kDouble);
    for (std::int64_t i = 0; i < kCount; ++i)
      adam(adam_step, gradient.data_ptr<double>()[i],
           param.data_ptr<double>() + i, m.data_ptr<double>() + i,
           v.data_ptr<double>() + i);
    // Fifty steps of 1e-2 on numbers of size 1: some 1e-16 each.
    CHECK_LE(largest(param, exact[static_cast<std::size_t>(step)]), 1e-13);
  }
}

}  // namespace vae::engine
