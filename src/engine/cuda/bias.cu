// Bias and activation of layers without BatchNorm, forward and backward, in
// place. See kernel_operations.hpp.
#include "engine/cuda/columns.cuh"
#include "engine/math/layer.hpp"

namespace vae::engine::cuda {
namespace {

/// x [rows, channels] -> activation(x + bias), in place.
template <class T>
struct AddBias {
  T* x;
  const float* bias;
  model::Activation activation;

  using Column = float;
  using Item = float;
  __device__ Column column(std::int64_t channel) const { return bias[channel]; }
  __device__ Item load(Column, std::int64_t, std::int64_t at) const {
    return read_number(x[at]);
  }
  __device__ Pair use(Column add, Item value, std::int64_t at) const {
    write_number(x + at, activate(value + add, activation));
    return {0, 0};
  }
};

/// dy [rows, channels] -> dy times the activation's slope, in place, and its
/// sums [channels]. The sums are of numbers not yet rounded.
template <class T>
struct BiasGradient {
  T* dy;
  const T* out;
  float* dbias;
  bool accumulate;
  model::Activation activation;

  struct Column {};
  struct Item {
    float dy, out;
  };
  /// Without an activation dy stays as it is, and `out` is not read.
  __device__ bool active() const {
    return activation != model::Activation::none;
  }
  __device__ Column column(std::int64_t) const { return {}; }
  __device__ Item load(Column, std::int64_t, std::int64_t at) const {
    return {read_number(dy[at]), active() ? read_number(out[at]) : 0.0f};
  }
  __device__ Pair use(Column, const Item& v, std::int64_t at) const {
    const float g = activation_gradient(v.dy, v.out, activation);
    if (active()) write_number(dy + at, g);
    return {g, 0};
  }
  __device__ void finish(std::int64_t channel, double sum, double) const {
    keep(dbias + channel, sum, accumulate);
  }
};

}  // namespace

// x [rows, channels] in place
void KernelFusion::bias_forward(const BiasForward& in) {
  const std::int64_t size = in.x.elements() * number_size(in.x.number);
  with_number(in.x.number, [&](auto number) {
    using T = decltype(number);
    column_pass("bias", 2 * size + in.x.channels * kFloat, in.x.rows,
                in.x.channels,
                AddBias<T>{static_cast<T*>(in.x.data), in.bias, in.activation},
                device_.stream());
  });
  device_.check_launch();
}

// dy [rows, channels] in place -> dbias [channels]
void KernelFusion::bias_backward(const BiasBackward& in) {
  const std::int64_t size = in.dy.elements() * number_size(in.dy.number);
  const bool active = in.activation != model::Activation::none;
  with_number(in.dy.number, [&](auto number) {
    using T = decltype(number);
    column_sums("bias_gradient",
                (active ? 3 : 1) * size + in.dy.channels * kFloat, in.dy.rows,
                in.dy.channels,
                BiasGradient<T>{static_cast<T*>(in.dy.data),
                                static_cast<const T*>(in.out), in.dbias,
                                in.accumulate, in.activation},
                scratch(), device_.stream());
  });
  device_.check_launch();
}

}  // namespace vae::engine::cuda
