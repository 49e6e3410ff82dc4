// Moving tensors between PyTorch's order and an engine's: blocked and permuted
// layouts round-trip and are stored where the layout says.
#include "train/memory.hpp"

#include <doctest/doctest.h>

#include <numeric>

namespace vae::train {
namespace {

using engine::Segment;

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

/// Writes 1, 2, 3, … and gives the flat buffer of `size` floats.
std::vector<float> written(const Segment& segment, std::size_t count,
                           std::size_t size) {
  const auto device = engine::make_cpu_device(1);
  std::vector<float> flat(size, -1.0f);
  write_segment(*device, segment, counting(count), flat.data());
  CHECK(read_segment(*device, segment, flat.data()) == counting(count));
  return flat;
}

TEST_CASE("a plain segment is copied to its offset and nowhere else") {
  const Segment plain{2, {{2, 3, 3}, {3, 1, 1}}};
  CHECK(written(plain, 6, 10) ==
        std::vector<float>{-1, -1, 1, 2, 3, 4, 5, 6, -1, -1});
}

TEST_CASE("a transposed segment") {
  const Segment transposed{0, {{2, 3, 1}, {3, 1, 2}}};
  CHECK(written(transposed, 6, 6) == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("a segment of images: channels last") {
  // [1, C=2, H=1, W=3] as [1, H, W, C].
  const Segment image{1, {{1, 6, 6}, {2, 3, 1}, {1, 3, 6}, {3, 1, 2}}};
  CHECK(written(image, 6, 8) == std::vector<float>{-1, 1, 4, 2, 5, 3, 6, -1});
}

TEST_CASE("a blocked segment: rows in pairs") {
  // [O=4, I=3] as [O/2, I, 2].
  const Segment blocked{0, {{2, 6, 6}, {2, 3, 1}, {3, 1, 2}}};
  CHECK(written(blocked, 12, 12) ==
        std::vector<float>{1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12});
}

TEST_CASE("a single number is a segment without axes") {
  CHECK(written({3, {}}, 1, 5) == std::vector<float>{-1, -1, -1, 1, -1});
}

TEST_CASE("a fresh state is zero and has every buffer's size") {
  const auto device = engine::make_cpu_device(1);
  engine::Layout layout;
  layout.param_floats = 128;
  layout.running_floats = 64;
  const std::int64_t latent = 3;
  const engine::State state = allocate_state(*device, layout, latent);
  const auto zeros = [&](const engine::Buffer& buffer, std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count), 1.0f);
    device->download(values.data(), buffer.get(), count * 4);
    CHECK(values == std::vector<float>(values.size(), 0.0f));
  };
  for (const auto* buffer : {&state.param, &state.moment1, &state.moment2})
    zeros(*buffer, 128);
  zeros(state.reduced, 128 + 64 + 6 + 3 * latent);
  zeros(state.running, 64);
  zeros(state.sums, 2 * (9 + 3 * latent));
  zeros(state.control, std::int64_t{sizeof(engine::Control)} / 4);
}

}  // namespace
}  // namespace vae::train
