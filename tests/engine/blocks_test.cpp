// Every block's forward against LibTorch's module function and its backward
// against autograd, in float64, over odd, non-square and one-channel shapes and
// every memory order. The network made of them is tested in tests/reference.
#include "engine/autograd.hpp"
#include "engine/blocks/batch_norm.hpp"
#include "engine/blocks/layers.hpp"

namespace vae::engine::blocks {
namespace {

namespace F = torch::nn::functional;

enum class Order { contiguous, channels_last, given };

/// The same values in another memory order. `given` is that of the engine's own
/// buffers: strides of [B, H, W, C] even if C is 1.
at::Tensor in_order(const at::Tensor& x, Order order) {
  if (order == Order::contiguous) return x.contiguous();
  if (order == Order::channels_last)
    return x.contiguous(at::MemoryFormat::ChannelsLast);
  const auto b = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
  const at::Tensor rows = x.permute({0, 2, 3, 1}).contiguous().view({b, -1});
  return rows.as_strided({b, c, h, w}, {c * h * w, 1, w * c, c});
}

constexpr Order kOrders[]{Order::contiguous, Order::channels_last,
                          Order::given};

struct ConvCase {
  std::int64_t batch, in, out, height, width, kernel;
  ConvShape shape;
};

const ConvCase kConvCases[]{
    {3, 1, 4, 8, 8, 4, {false, 2, {0, 0}}},
    {2, 3, 5, 13, 10, 4, {false, 2, {0, 0}}},
    {1, 2, 1, 7, 2, 4, {false, 2, {0, 0}}},
    {2, 4, 3, 5, 9, 3, {false, 1, {0, 0}}},
    {2, 1, 1, 1, 6, 3, {false, 1, {0, 0}}},
    {3, 4, 1, 7, 7, 4, {true, 2, {0, 0}}},
    {2, 5, 3, 6, 5, 4, {true, 2, {1, 0}}},
    {2, 3, 2, 3, 2, 4, {true, 2, {0, 1}}},
    {1, 1, 2, 1, 4, 4, {true, 2, {1, 1}}},
    {2, 3, 5, 4, 3, 4, {true, 2, {0, 0}}},
    {3, 7, 8, 3, 5, 4, {true, 2, {1, 0}}},
    {1, 2, 6, 1, 2, 4, {true, 2, {1, 1}}},
};

at::Tensor reference_conv(const std::vector<at::Tensor>& in,
                          const ConvShape& shape) {
  if (!shape.transposed)
    return F::conv2d(
        in[0], in[1],
        F::Conv2dFuncOptions().bias(in[2]).stride(shape.stride).padding(1));
  return F::conv_transpose2d(in[0], in[1],
                             F::ConvTranspose2dFuncOptions()
                                 .bias(in[2])
                                 .stride(shape.stride)
                                 .padding(1)
                                 .output_padding(shape.output_padding));
}

std::vector<at::Tensor> conv_inputs(const ConvCase& c) {
  const auto first = c.shape.transposed ? c.in : c.out;
  const auto second = c.shape.transposed ? c.out : c.in;
  return {random_tensor({c.batch, c.in, c.height, c.width}, 1),
          random_tensor({first, second, c.kernel, c.kernel}, 2),
          random_tensor({c.out}, 3)};
}

void check_conv(const ConvCase& c, Order order) {
  const auto inputs = conv_inputs(c);
  const auto f = [&](const std::vector<at::Tensor>& in) {
    return reference_conv(in, c.shape);
  };
  const at::Tensor dy = at::randn_like(f(inputs));
  const Autograd expected = differentiate(f, inputs, dy);

  const at::Tensor x = in_order(inputs[0], order);
  const at::Tensor weight = in_order(inputs[1], order);
  CHECK_EQ(
      difference(expected.out, conv_forward(x, weight, inputs[2], c.shape)),
      "");
  // Without a bias, as before BatchNorm.
  CHECK_EQ(difference(expected.out - inputs[2].view({1, -1, 1, 1}),
                      conv_forward(x, weight, {}, c.shape)),
           "");

  const ConvGradient all =
      conv_backward(in_order(dy, order), x, weight, c.shape, true, true);
  CHECK_EQ(difference(expected.gradients[0], all.input), "");
  CHECK_EQ(difference(expected.gradients[1], all.weight), "");
  CHECK_EQ(difference(expected.gradients[2], all.bias), "");

  const ConvGradient some =
      conv_backward(in_order(dy, order), x, weight, c.shape, false, false);
  CHECK_FALSE(some.input.defined());
  CHECK_FALSE(some.bias.defined());
  CHECK_EQ(difference(expected.gradients[1], some.weight), "");
}

struct NormCase {
  std::int64_t batch, channels, height, width;
};

const NormCase kNormCases[]{
    {4, 3, 6, 6}, {7, 1, 3, 5}, {2, 5, 1, 1}, {1, 2, 7, 2}};

void check_norm(const NormCase& c, Order order) {
  const std::vector<at::Tensor> inputs{
      random_tensor({c.batch, c.channels, c.height, c.width}, 4) * 3 + 2,
      random_tensor({c.channels}, 5), random_tensor({c.channels}, 6)};
  at::Tensor mean = at::zeros({c.channels}, at::kDouble);
  at::Tensor var = at::ones({c.channels}, at::kDouble);
  const auto f = [&](const std::vector<at::Tensor>& in) {
    return F::batch_norm(in[0], mean, var,
                         F::BatchNormFuncOptions()
                             .weight(in[1])
                             .bias(in[2])
                             .training(true)
                             .momentum(1.0)
                             .eps(1e-5));
  };
  const at::Tensor dy = random_tensor(inputs[0].sizes(), 7);
  const Autograd expected = differentiate(f, inputs, dy);

  const at::Tensor x = in_order(inputs[0], order);
  const NormResult forward = norm_forward(x, inputs[1], inputs[2]);
  CHECK_EQ(difference(expected.out, forward.out), "");
  // The values that PyTorch adds to its running statistics.
  CHECK_EQ(difference(mean, forward.mean), "");
  CHECK_EQ(difference(var, forward.unbiased_var), "");

  const NormGradient got =
      norm_backward(in_order(dy, order), x, inputs[1], forward);
  // The input's gradient is a small difference of large sums, with two values
  // per channel almost zero. So the error is relative to dy.
  const at::Tensor scale =
      dy.abs().max() * forward.saved_invstd.abs().max() * inputs[1].abs().max();
  CHECK_LE((expected.gradients[0] - got.input).abs().max().item<double>(),
           1e-12 * scale.item<double>());
  CHECK_EQ(difference(expected.gradients[1], got.weight, 1e-11), "");
  CHECK_EQ(difference(expected.gradients[2], got.bias), "");
}

}  // namespace

TEST_CASE("convolutions of every kind equal LibTorch's and autograd's") {
  for (const ConvCase& c : kConvCases) {
    CAPTURE(&c - kConvCases);
    for (const Order order : kOrders) {
      CAPTURE(static_cast<int>(order));
      check_conv(c, order);
    }
  }
}

TEST_CASE("a layer's output padding restores an odd side") {
  model::Layer layer;
  layer.kind = model::LayerKind::conv_transposed;
  layer.kernel = 4;
  layer.stride = 2;
  layer.in = {3, 6, 5};
  layer.out = {2, 13, 10};
  const ConvShape shape = conv_shape(layer);
  CHECK(shape.transposed);
  const at::Tensor y = conv_forward(random_tensor({1, 3, 6, 5}, 1),
                                    random_tensor({3, 2, 4, 4}, 2), {}, shape);
  CHECK(y.sizes() == at::IntArrayRef({1, 2, 13, 10}));
}

TEST_CASE("BatchNorm in training equals LibTorch's and autograd's") {
  for (const NormCase& c : kNormCases) {
    CAPTURE(&c - kNormCases);
    for (const Order order : kOrders) {
      CAPTURE(static_cast<int>(order));
      check_norm(c, order);
    }
  }
}

TEST_CASE("BatchNorm with running statistics equals LibTorch's") {
  const at::Tensor x = random_tensor({3, 4, 5, 2}, 8);
  const at::Tensor weight = random_tensor({4}, 9);
  const at::Tensor bias = random_tensor({4}, 10);
  const at::Tensor mean = random_tensor({4}, 11);
  const at::Tensor var = random_tensor({4}, 12).abs() + 0.1;
  const at::Tensor expected = F::batch_norm(
      x, mean, var,
      F::BatchNormFuncOptions().weight(weight).bias(bias).eps(1e-5));
  for (const Order order : kOrders) {
    const at::Tensor before_mean = mean.clone(), before_var = var.clone();
    CHECK_EQ(difference(expected, norm_running(in_order(x, order), weight, bias,
                                               mean, var)),
             "");
    CHECK(at::equal(mean, before_mean));
    CHECK(at::equal(var, before_var));
  }
}

TEST_CASE("a fully connected layer equals LibTorch's and autograd's") {
  const std::int64_t sizes[][3]{{1, 1, 1}, {5, 7, 3}, {64, 33, 2}, {2, 1, 9}};
  for (const auto& [batch, in, out] : sizes) {
    CAPTURE(batch);
    const std::vector<at::Tensor> inputs{random_tensor({batch, in}, 1),
                                         random_tensor({out, in}, 2),
                                         random_tensor({out}, 3)};
    const at::Tensor dy = random_tensor({batch, out}, 4);
    const Autograd expected = differentiate(
        [](const std::vector<at::Tensor>& i) {
          return F::linear(i[0], i[1], i[2]);
        },
        inputs, dy);
    CHECK_EQ(difference(expected.out,
                        linear_forward(inputs[0], inputs[1], inputs[2])),
             "");
    const LinearGradient got =
        linear_backward(dy, inputs[0], inputs[1], true, true);
    CHECK_EQ(difference(expected.gradients[0], got.input), "");
    CHECK_EQ(difference(expected.gradients[1], got.weight), "");
    CHECK_EQ(difference(expected.gradients[2], got.bias), "");
    const LinearGradient some =
        linear_backward(dy, inputs[0], inputs[1], false, false);
    CHECK_FALSE(some.input.defined());
    CHECK_FALSE(some.bias.defined());
    CHECK_EQ(difference(expected.out - inputs[2],
                        linear_forward(inputs[0], inputs[1], {})),
             "");
  }
}

TEST_CASE("activations equal LibTorch's and autograd's, also at zero") {
  using Kind = model::Activation;
  at::Tensor x = random_tensor({3, 2, 5, 4}, 1);
  x[0][0].zero_();  // there, too, the derivative is PyTorch's
  const at::Tensor dy = random_tensor(x.sizes(), 2);
  const auto reference = [](const at::Tensor& in, Kind kind) {
    if (kind == Kind::relu) return at::relu(in);
    if (kind == Kind::leaky_relu) return at::leaky_relu(in, 0.2);
    return in * 1.0;
  };
  for (const Kind kind : {Kind::none, Kind::relu, Kind::leaky_relu}) {
    CAPTURE(static_cast<int>(kind));
    const Autograd expected = differentiate(
        [&](const std::vector<at::Tensor>& in) {
          return reference(in[0], kind);
        },
        {x}, dy);
    for (const Order order : kOrders) {
      const at::Tensor y = activate(in_order(x, order).clone(), kind);
      CHECK_EQ(difference(expected.out, y), "");
      const at::Tensor dx = activation_backward(in_order(dy, order), y, kind);
      CHECK_EQ(difference(expected.gradients[0], dx), "");
    }
  }
}

}  // namespace vae::engine::blocks
