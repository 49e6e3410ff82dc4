// See parameters.hpp.
#include "engine/blocks/parameters.hpp"

#include <gsl/gsl>

namespace vae::engine::blocks {
namespace {

/// Offsets and strides of a tensor: [.., C, H, W, ..] is stored as
/// [.., H, W, C, ..].
Segment make_segment(const model::Tensor& tensor, std::int64_t offset) {
  const std::size_t rank = tensor.dims.size();
  Segment segment{offset, std::vector<Dim>(rank)};
  std::int64_t stride = 1;
  for (std::size_t i = rank; i-- > 0;) {
    segment.dims[i].size = tensor.dims[i];
    segment.dims[i].canonical = stride;
    stride *= tensor.dims[i];
  }
  std::vector<std::size_t> order(rank);  // outermost first
  for (std::size_t i = 0; i < rank; ++i) order[i] = i;
  if (tensor.image_axis >= 0) {
    const auto c = gsl::narrow<std::size_t>(tensor.image_axis);
    order[c] = c + 1;
    order[c + 1] = c + 2;
    order[c + 2] = c;
  }
  stride = 1;
  for (std::size_t i = rank; i-- > 0;) {
    segment.dims[order[i]].flat = stride;
    stride *= tensor.dims[order[i]];
  }
  return segment;
}

}  // namespace

// Each segment starts at a multiple of 64 floats, but for the second head's,
// which follow the first's: [2 * latent, F] is then one matrix.
Layout make_layout(const model::Plan& plan) {
  Layout layout;
  layout.params.resize(plan.params.size());
  std::int64_t offset = 0;
  const auto place = [&](int index) {
    const auto i = gsl::narrow<std::size_t>(index);
    layout.params[i] = make_segment(plan.params[i], offset);
    offset += plan.params[i].elements();
  };
  const model::Layer &mean = plan.mean_head, &logvar = plan.logvar_head;
  for (int i = 0; i < gsl::narrow<int>(plan.params.size()); ++i) {
    if (i == mean.bias || i == logvar.weight || i == logvar.bias) continue;
    offset = aligned_offset(offset);
    place(i);
    if (i != mean.weight) continue;
    place(logvar.weight);
    offset = aligned_offset(offset);
    place(mean.bias);
    place(logvar.bias);
  }
  layout.param_floats = aligned_offset(offset);
  offset = 0;
  for (const model::Tensor& tensor : plan.running) {
    layout.running.push_back(make_segment(tensor, offset));
    offset = aligned_offset(offset + tensor.elements());
  }
  layout.running_floats = offset;
  return layout;
}

// A view of every parameter in a flat buffer of numbers of `type`, in PyTorch's
// shape. Strides are those of the layout: a convolution's weight [O, C, KH, KW]
// lies in memory as [O, KH, KW, C].
std::vector<at::Tensor> Parameters::views(void* base,
                                          at::ScalarType type) const {
  std::vector<at::Tensor> list;
  const auto size = static_cast<std::int64_t>(c10::elementSize(type));
  for (std::size_t i = 0; i < plan_.params.size(); ++i) {
    const model::Tensor& tensor = plan_.params[i];
    const Segment& segment = layout_.params[i];
    void* data = static_cast<std::byte*>(base) + segment.offset * size;
    if (tensor.shape.size() == 4) {
      std::vector<std::int64_t> strides;
      for (const Dim& dim : segment.dims) strides.push_back(dim.flat);
      list.push_back(
          at::from_blob(data, tensor.shape, strides, options_.dtype(type)));
    } else {
      list.push_back(at::from_blob(data, tensor.shape, options_.dtype(type)));
    }
  }
  return list;
}

// Both heads' weights or biases as one tensor; `first`: the mean head's.
at::Tensor Parameters::heads_view(void* base, int first, at::IntArrayRef shape,
                                  at::ScalarType type) const {
  const std::int64_t offset =
      layout_.params[static_cast<std::size_t>(first)].offset;
  const auto size = static_cast<std::int64_t>(c10::elementSize(type));
  return at::from_blob(static_cast<std::byte*>(base) + offset * size, shape,
                       options_.dtype(type));
}

// Views only: what is trained stays in the State, which outlives them.
void Parameters::attach(const State& state, std::uint16_t* copy) {
  void* values = state.param.get();
  void* gradients = state.reduced.get();
  values_ = views(values, at::kFloat);
  gradients_ = views(gradients, at::kFloat);
  const int weight = plan_.mean_head.weight, bias = plan_.mean_head.bias;
  const std::int64_t rows = 2 * plan_.latent;
  const std::int64_t columns = plan_.features.size();
  heads_weight_ = heads_view(values, weight, {rows, columns}, at::kFloat);
  heads_bias_ = heads_view(values, bias, {rows}, at::kFloat);
  heads_gradient_ = heads_view(gradients, weight, {rows, columns}, at::kFloat);
  heads_bias_gradient_ = heads_view(gradients, bias, {rows}, at::kFloat);
  copies_.clear();
  heads_copy_.reset();
  if (copy != nullptr) {
    copies_ = views(copy, at::kBFloat16);
    heads_copy_ = heads_view(copy, weight, {rows, columns}, at::kBFloat16);
  }
  running_.clear();
  batch_running_.clear();
  float* batch = floats(state.reduced) + layout_.param_floats;
  for (std::size_t i = 0; i < plan_.running.size(); ++i) {
    const std::int64_t offset = layout_.running[i].offset;
    const auto& shape = plan_.running[i].shape;
    running_.push_back(
        at::from_blob(floats(state.running) + offset, shape, options_));
    batch_running_.push_back(at::from_blob(batch + offset, shape, options_));
  }
}

// x of any shape -> the same, rounded to the products' type
// Widened: the value is that of bfloat16, the multiplication that of float32.
at::Tensor Parameters::gemm_input(const at::Tensor& x) const {
  // to() returns the same tensor if it already has that type.
  const at::Tensor rounded = x.to(product_);
  return widened_ ? rounded.to(at::kFloat) : rounded;
}

// With a copy that the commit keeps up to date, nothing is converted here.
at::Tensor Parameters::gemm_input(int index) const {
  return copies_.empty() ? gemm_input(value(index)) : at(copies_, index);
}

at::Tensor Parameters::heads_gemm_input() const {
  return heads_copy_.defined() ? heads_copy_ : gemm_input(heads_weight_);
}

}  // namespace vae::engine::blocks
