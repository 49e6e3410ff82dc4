// For the tests of single blocks: LibTorch before doctest, random tensors in
// float64, and autograd's gradients. Includes nothing of libvae.
#pragma once

#include <torch/torch.h>

// LibTorch's logging defines a CHECK of its own.
#undef CHECK
#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace vae::engine {

/// Reproducible normal numbers, float64.
inline at::Tensor random_tensor(at::IntArrayRef shape, int seed) {
  torch::manual_seed(static_cast<std::uint64_t>(seed));
  return at::randn(shape, at::kDouble);
}

/// `f` of leaves, and its gradients by them, given that of its result.
struct Autograd {
  at::Tensor out;
  std::vector<at::Tensor> gradients;
};

template <class Function>
Autograd differentiate(Function f, std::vector<at::Tensor> inputs,
                       const at::Tensor& dout) {
  for (at::Tensor& input : inputs)
    input = input.detach().clone().requires_grad_(true);
  const at::Tensor out = f(inputs);
  // Without a gradient of the caller, that of a sum.
  const at::Tensor d = dout.defined() ? dout : at::ones_like(out);
  auto gradients = torch::autograd::grad({out}, inputs, {d});
  return {out.detach(), gradients};
}

/// Empty if `got` equals `expected` up to float64's rounding: sums of some
/// thousand terms are off by less than 1e-12 of the largest element.
inline std::string difference(const at::Tensor& expected, const at::Tensor& got,
                              double tolerance = 1e-12) {
  if (!got.defined()) return "undefined";
  if (expected.sizes() != got.sizes()) return "shapes differ";
  const double largest = expected.abs().max().item<double>();
  const double error = (expected - got).abs().max().item<double>();
  if (error <= tolerance * largest) return {};
  return "off by " + std::to_string(error) + " of " + std::to_string(largest);
}

}  // namespace vae::engine
