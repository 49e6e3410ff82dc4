// See memory.hpp.
#include "train/memory.hpp"

#include <cmath>
#include <gsl/gsl>

#include "base/check.hpp"

namespace vae::train {
namespace {

using engine::Dim;

std::int64_t elements(const engine::Segment& segment) {
  std::int64_t count = 1;
  for (const Dim& dim : segment.dims) count *= dim.size;
  return count;
}

/// Calls visit(index in PyTorch's order, index in the flat buffer) for every
/// element, in PyTorch's order.
template <class Visit>
void for_each(const std::vector<Dim>& dims, std::size_t axis,
              std::int64_t canonical, std::int64_t flat, Visit& visit) {
  if (axis == dims.size()) {
    visit(gsl::narrow_cast<std::size_t>(canonical),
          gsl::narrow_cast<std::size_t>(flat));
    return;
  }
  const Dim& dim = dims[axis];
  for (std::int64_t i = 0; i < dim.size; ++i)
    for_each(dims, axis + 1, canonical + i * dim.canonical, flat + i * dim.flat,
             visit);
}

std::int64_t bytes_of(std::int64_t count, std::size_t size) {
  return count * gsl::narrow<std::int64_t>(size);
}

/// Rounds up to a cache line, for parts of one allocation.
std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

engine::State allocate_state(engine::Device& device,
                             const engine::Layout& layout,
                             std::int64_t latent) {
  const auto make_floats = [&](std::int64_t count) {
    return device.allocate(bytes_of(count, sizeof(float)));
  };
  engine::State state;
  state.param = make_floats(layout.param_floats);
  state.moment1 = make_floats(layout.param_floats);
  state.moment2 = make_floats(layout.param_floats);
  state.running = make_floats(layout.running_floats);
  // One allocation: a single copy from the tail on reads the whole report.
  const std::int64_t sums_at = aligned(bytes_of(
      layout.param_floats + layout.running_floats + engine::tail_floats(latent),
      sizeof(float)));
  const std::int64_t control_at =
      aligned(sums_at + bytes_of(engine::sum_doubles(latent), sizeof(double)));
  state.reduced =
      device.allocate(control_at + bytes_of(1, sizeof(engine::Control)));
  auto* first = static_cast<std::byte*>(state.reduced.get());
  state.sums = {state.reduced, first + sums_at};
  state.control = {state.reduced, first + control_at};
  return state;
}

// The segment in the buffer's order -> its elements in PyTorch's order
std::vector<float> read_segment(engine::Device& device,
                                const engine::Segment& segment,
                                const float* buffer) {
  const std::int64_t count = elements(segment);
  std::vector<float> flat(gsl::narrow<std::size_t>(count)), canonical(flat);
  device.download(flat.data(), buffer + segment.offset,
                  bytes_of(count, sizeof(float)));
  auto visit = [&](std::size_t c, std::size_t f) { canonical[c] = flat[f]; };
  for_each(segment.dims, 0, 0, 0, visit);
  return canonical;
}

// Elements in PyTorch's order -> the segment in the buffer's order
void write_segment(engine::Device& device, const engine::Segment& segment,
                   const std::vector<float>& values, float* buffer) {
  const std::int64_t count = elements(segment);
  expect(gsl::narrow<std::int64_t>(values.size()) == count);
  std::vector<float> flat(values.size());
  auto visit = [&](std::size_t c, std::size_t f) { flat[f] = values[c]; };
  for_each(segment.dims, 0, 0, 0, visit);
  device.upload(buffer + segment.offset, flat.data(),
                bytes_of(count, sizeof(float)));
}

// Of a file or the caller; what a step computes is checked by its commit.
std::string find_unusable(const std::vector<float>& values, bool square) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool good = std::isfinite(values[i]) && !(square && values[i] < 0);
    if (!good)
      return join("element ", i, " is ", values[i], "; it must be finite",
                  square ? " and not negative" : "");
  }
  return {};
}

bool is_variance(const std::string& name) {
  return name.ends_with(".running_var");
}

}  // namespace vae::train
