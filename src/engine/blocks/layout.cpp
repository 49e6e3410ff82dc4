// See layout.hpp.
#include "engine/blocks/layout.hpp"

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

}  // namespace vae::engine::blocks
