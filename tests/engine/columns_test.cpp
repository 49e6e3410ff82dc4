// Gradients by im2col against autograd's, in float64, for any size of the
// column matrix. blocks_test checks that convolutions use them.
#include "engine/blocks/columns.hpp"

#include "engine/autograd.hpp"

namespace vae::engine::blocks {
namespace {

struct Case {
  std::int64_t batch, in, out, height, width, kernel, stride;
};

const Case kCases[]{
    {5, 3, 4, 8, 6, 4, 2}, {3, 1, 2, 7, 5, 4, 2}, {2, 6, 3, 5, 4, 3, 1},
    {1, 2, 5, 1, 1, 3, 1}, {4, 5, 1, 3, 2, 4, 2}, {2, 2, 2, 9, 7, 5, 3},
};

/// Sizes of the column matrix: the whole batch, one image at a time, and parts
/// of unequal size.
std::vector<std::int64_t> column_sizes(const Case& c, const at::Tensor& dy) {
  const std::int64_t image = dy.size(2) * dy.size(3) * c.in * c.kernel *
                             c.kernel * std::int64_t{sizeof(double)};
  return {kColumnBytes, 1, 2 * image + 1, 3 * image};
}

void check(const Case& c) {
  const std::vector<at::Tensor> inputs{
      random_tensor({c.batch, c.in, c.height, c.width}, 1),
      random_tensor({c.out, c.in, c.kernel, c.kernel}, 2)};
  const auto f = [&](const std::vector<at::Tensor>& in) {
    return torch::nn::functional::conv2d(
        in[0], in[1],
        torch::nn::functional::Conv2dFuncOptions().stride(c.stride).padding(1));
  };
  const at::Tensor dy = random_tensor(f(inputs).sizes(), 3);
  const Autograd expected = differentiate(f, inputs, dy);
  for (const std::int64_t bytes : column_sizes(c, dy)) {
    CAPTURE(bytes);
    CHECK_EQ(difference(expected.gradients[0],
                        input_by_columns(dy, inputs[1], c.stride, c.height,
                                         c.width, bytes)),
             "");
    CHECK_EQ(difference(expected.gradients[1],
                        weight_by_columns(dy, inputs[0], c.kernel, c.kernel,
                                          c.stride, bytes)),
             "");
  }
}

}  // namespace

TEST_CASE(
    "derivatives by columns equal autograd's for any size of the matrix") {
  for (const Case& c : kCases) {
    CAPTURE(&c - kCases);
    check(c);
  }
}

TEST_CASE("gradients by columns have the engine's memory order") {
  const at::Tensor dy = at::randn({2, 3, 4, 4}), x = at::randn({2, 5, 8, 8});
  const at::Tensor weight = at::randn({3, 5, 4, 4});
  const at::Tensor input = input_by_columns(dy, weight, 2, 8, 8);
  CHECK(input.sizes() == x.sizes());
  CHECK(input.permute({0, 2, 3, 1}).is_contiguous());
  const at::Tensor gradient = weight_by_columns(dy, x, 4, 4, 2);
  CHECK(gradient.sizes() == weight.sizes());
  CHECK(gradient.permute({0, 2, 3, 1}).is_contiguous());
}

TEST_CASE("bfloat16 is accumulated in float32") {
  // 16 taps of 1 and one of 1/256: in bfloat16 the sum would lose it.
  const at::Tensor dy = at::ones({1, 1, 3, 3});
  at::Tensor weight = at::ones({1, 1, 3, 3});
  weight[0][0][0][0] = 1.0 / 256;
  const auto half = at::kBFloat16;
  const at::Tensor got =
      input_by_columns(dy.to(half), weight.to(half), 1, 3, 3);
  const at::Tensor exact = input_by_columns(dy, weight, 1, 3, 3);
  CHECK((got.scalar_type() == half));
  CHECK(at::equal(got, exact.to(half)));
}

}  // namespace vae::engine::blocks
