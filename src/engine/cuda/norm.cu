// BatchNorm with its activation: two passes forward (statistics, apply), two
// backward (sums, apply), one with running statistics. See
// kernel_operations.hpp.
#include <cmath>

#include "engine/cuda/columns.cuh"
#include "engine/math/layer.hpp"

namespace vae::engine::cuda {
namespace {

/// Sums of x - shift and its square. The shift, x of the first row, keeps the
/// variance where the mean is far from zero.
template <class T>
struct Statistics {
  const T* x;
  NormForward in;

  using Column = float;
  using Item = float;
  __device__ Column column(std::int64_t channel) const {
    return read_number(x[channel]);
  }
  __device__ Item load(Column, std::int64_t, std::int64_t at) const {
    return read_number(x[at]);
  }
  __device__ Pair use(Column shift, Item value, std::int64_t) const {
    const float d = value - shift;
    return {d, d * d};
  }
  __device__ void finish(std::int64_t c, double sum, double square) const {
    const auto n = static_cast<double>(in.x.rows);
    const double offset = sum / n;
    const double mean = static_cast<double>(read_number(x[c])) + offset;
    double spread = square - sum * offset;  // squared distances from the mean
    if (spread < 0) spread = 0;
    in.mean[c] = static_cast<float>(mean);
    in.invstd[c] =
        static_cast<float>(1.0 / std::sqrt(spread / n + model::kNormEpsilon));
    const auto images = static_cast<double>(in.images);
    const auto left_out = static_cast<double>(in.product_bias[c]);
    keep(in.mean_sum + c, images * (mean + left_out), in.accumulate);
    keep(in.var_sum + c, images * (spread / (n - 1)), in.accumulate);
  }
};

/// What BatchNorm does to one channel.
struct Affine {
  float mean, invstd, weight, bias;
};

template <class T>
__device__ void write_normalised(const Affine& c, float x,
                                 model::Activation kind, T* to) {
  write_number(
      to, activate(normalise(x, c.mean, c.invstd) * c.weight + c.bias, kind));
}

/// x [rows, channels] -> out, by the batch's statistics.
template <class T>
struct Apply {
  const T* x;
  T* out;
  const float *weight, *bias, *mean, *invstd;
  model::Activation activation;

  using Column = Affine;
  using Item = float;
  __device__ Column column(std::int64_t c) const {
    return {mean[c], invstd[c], weight[c], bias[c]};
  }
  __device__ Item load(const Column&, std::int64_t, std::int64_t at) const {
    return read_number(x[at]);
  }
  __device__ Pair use(const Column& c, Item value, std::int64_t at) const {
    write_normalised(c, value, activation, out + at);
    return {0, 0};
  }
};

/// x [rows, channels] -> out, by the running statistics.
template <class T>
struct ApplyRunning {
  const T* x;
  T* out;
  NormRunning in;

  using Column = Affine;
  using Item = float;
  /// x lacks the product's bias, the running mean has it.
  __device__ Column column(std::int64_t c) const {
    const auto epsilon = static_cast<float>(model::kNormEpsilon);
    return {in.running_mean[c] - in.product_bias[c],
            1.0f / std::sqrt(in.running_var[c] + epsilon), in.weight[c],
            in.bias[c]};
  }
  __device__ Item load(const Column&, std::int64_t, std::int64_t at) const {
    return read_number(x[at]);
  }
  __device__ Pair use(const Column& c, Item value, std::int64_t at) const {
    write_normalised(c, value, in.activation, out + at);
    return {0, 0};
  }
};

/// What both passes of the backward read of an element: dy goes back through
/// the activation anew in each, since storing it would cost another pass.
template <class T>
struct BackwardElement {
  const T *dy, *x, *out;
  model::Activation activation;

  struct Values {
    float dy, x, out;
  };
  __device__ Values load(std::int64_t at) const {
    const bool active = activation != model::Activation::none;
    return {read_number(dy[at]), read_number(x[at]),
            active ? read_number(out[at]) : 0.0f};
  }
  __device__ float gradient(const Values& v) const {
    return activation_gradient(v.dy, v.out, activation);
  }
};

/// Sums of g, the gradient before the activation, and of g times normalised x.
/// Their means stay in the scratch for the next pass: dweight and dbias may
/// hold older sums as well.
template <class T>
struct BackwardSums {
  BackwardElement<T> element;
  const float *mean, *invstd;
  float *dweight, *dbias, *mean_g, *mean_gx;
  std::int64_t rows;
  bool accumulate;

  struct Column {
    float mean, invstd;
  };
  using Item = typename BackwardElement<T>::Values;
  __device__ Column column(std::int64_t c) const {
    return {mean[c], invstd[c]};
  }
  __device__ Item load(const Column&, std::int64_t, std::int64_t at) const {
    return element.load(at);
  }
  __device__ Pair use(const Column& c, const Item& v, std::int64_t) const {
    const float g = element.gradient(v);
    return {g, g * normalise(v.x, c.mean, c.invstd)};
  }
  __device__ void finish(std::int64_t c, double sum, double sum_x) const {
    const auto n = static_cast<double>(rows);
    keep(dbias + c, sum, accumulate);
    keep(dweight + c, sum_x, accumulate);
    mean_g[c] = static_cast<float>(sum / n);
    mean_gx[c] = static_cast<float>(sum_x / n);
  }
};

/// dy [rows, channels] -> the derivative by x, in place.
template <class T>
struct BackwardApply {
  BackwardElement<T> element;
  T* dx;
  const float *weight, *mean, *invstd, *mean_g, *mean_gx;

  struct Column {
    float weight, mean, invstd, mean_g, mean_gx;
  };
  using Item = typename BackwardElement<T>::Values;
  __device__ Column column(std::int64_t c) const {
    return {weight[c], mean[c], invstd[c], mean_g[c], mean_gx[c]};
  }
  __device__ Item load(const Column&, std::int64_t, std::int64_t at) const {
    return element.load(at);
  }
  __device__ Pair use(const Column& c, const Item& v, std::int64_t at) const {
    write_number(dx + at,
                 norm_input_gradient(element.gradient(v),
                                     normalise(v.x, c.mean, c.invstd), c.weight,
                                     c.invstd, c.mean_g, c.mean_gx));
    return {0, 0};
  }
};

}  // namespace

// x [rows, channels] -> statistics [channels], then out [rows, channels]
// Two kernels: the second needs the statistics of all rows.
void KernelFusion::norm_forward(const NormForward& in) {
  const std::int64_t c = in.x.channels;
  const std::int64_t size = in.x.elements() * number_size(in.x.number);
  with_number(in.x.number, [&](auto number) {
    using T = decltype(number);
    const auto* x = static_cast<const T*>(in.x.data);
    column_sums("norm_statistics", size + 5 * c * kFloat, in.x.rows, c,
                Statistics<T>{x, in}, scratch(), device_.stream());
    column_pass("norm_apply", 2 * size + 4 * c * kFloat, in.x.rows, c,
                Apply<T>{x, static_cast<T*>(in.out), in.weight, in.bias,
                         in.mean, in.invstd, in.activation},
                device_.stream());
  });
  device_.check_launch();
}

// x [rows, channels] -> out [rows, channels]
void KernelFusion::norm_running(const NormRunning& in) {
  const std::int64_t c = in.x.channels;
  const std::int64_t size = in.x.elements() * number_size(in.x.number);
  with_number(in.x.number, [&](auto number) {
    using T = decltype(number);
    column_pass("norm_running", 2 * size + 5 * c * kFloat, in.x.rows, c,
                ApplyRunning<T>{static_cast<const T*>(in.x.data),
                                static_cast<T*>(in.out), in},
                device_.stream());
  });
  device_.check_launch();
}

// dy, x, out [rows, channels] -> dweight, dbias [channels], then dy in place
void KernelFusion::norm_backward(const NormBackward& in) {
  const std::int64_t rows = in.dy.rows, c = in.dy.channels;
  const std::int64_t size = in.dy.elements() * number_size(in.dy.number);
  const std::int64_t read =
      in.activation != model::Activation::none ? 3 * size : 2 * size;
  float* mean_g = scratch().norm_means;
  float* mean_gx = mean_g + kNormChannels;
  with_number(in.dy.number, [&](auto number) {
    using T = decltype(number);
    auto* dy = static_cast<T*>(in.dy.data);
    const BackwardElement<T> element{dy, static_cast<const T*>(in.x),
                                     static_cast<const T*>(in.out),
                                     in.activation};
    column_sums("norm_gradient_sums", read + 6 * c * kFloat, rows, c,
                BackwardSums<T>{element, in.mean, in.invstd, in.dweight,
                                in.dbias, mean_g, mean_gx, rows, in.accumulate},
                scratch(), device_.stream());
    column_pass("norm_gradient", read + size + 5 * c * kFloat, rows, c,
                BackwardApply<T>{element, dy, in.weight, in.mean, in.invstd,
                                 mean_g, mean_gx},
                device_.stream());
  });
  device_.check_launch();
}

}  // namespace vae::engine::cuda
