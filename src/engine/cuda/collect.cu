// Numbers between the products' own and float32: gradients into the flat
// buffer, parameters into their bfloat16 copy. See kernel_operations.hpp.
#include <algorithm>

#include "engine/cuda/columns.cuh"

namespace vae::engine::cuda {
namespace {

/// Collect with its pieces as a plain array, which a kernel takes by value.
struct CollectArgs {
  Collect::Piece pieces[Collect::kMost];
  std::int32_t count;
  bool accumulate;
};

/// pieces of T -> flat buffer. All blocks share each piece in turn: pieces are
/// few and mostly large.
template <class T>
__global__ void collect_kernel(CollectArgs a) {
  for (std::int32_t p = 0; p < a.count; ++p) {
    const T* from = static_cast<const T*>(a.pieces[p].from);
    float* to = a.pieces[p].to;
    const std::int64_t elements = a.pieces[p].elements;
    for (std::int64_t i = global_index(); i < elements; i += global_size()) {
      const float value = read_number(from[i]);
      to[i] = a.accumulate ? to[i] + value : value;
    }
  }
}

struct CopyArgs {
  const float* params;
  std::int64_t count;
  std::uint16_t* copy;
};

/// params [count] -> copy [count], rounded to bfloat16.
__global__ void copy_kernel(CopyArgs a) {
  for (std::int64_t i = global_index(); i < a.count; i += global_size())
    a.copy[i] = to_bfloat16(a.params[i]);
}

}  // namespace

// Gradients in the products' numbers -> the flat buffer, in one launch.
void KernelFusion::collect(const Collect& in) {
  CollectArgs args{};
  args.count = in.count;
  args.accumulate = in.accumulate;
  std::int64_t total = 0, largest = 0;
  for (std::int32_t p = 0; p < in.count; ++p) {
    const auto i = static_cast<std::size_t>(p);
    args.pieces[i] = in.pieces[i];
    total += in.pieces[i].elements;
    largest = std::max(largest, in.pieces[i].elements);
  }
  if (total == 0) return;
  const std::int64_t size =
      number_size(in.number) + (in.accumulate ? 2 : 1) * kFloat;
  with_number(in.number, [&](auto number) {
    launch<collect_kernel<decltype(number)>>(
        "collect", total * size, blocks_for(largest), device_.stream(), args);
  });
  device_.check_launch();
}

// params [count] -> copy [count]
void KernelFusion::refresh_copy(const float* params, std::int64_t count,
                                std::uint16_t* copy) {
  launch<copy_kernel>("refresh_copy", count * (kFloat + 2), blocks_for(count),
                      device_.stream(), CopyArgs{params, count, copy});
  device_.check_launch();
}

}  // namespace vae::engine::cuda
