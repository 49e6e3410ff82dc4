// See kernel_device.hpp.
#include "engine/cuda/kernel_device.hpp"

#include "engine/cuda/kernel_fusion.hpp"

namespace vae::engine::cuda {

void KernelDevice::normals(const Normals& in) {
  cuda::normals(in, stream());
  check_launch();
}

void KernelDevice::latent(const Latent& in) {
  cuda::latent(in, stream());
  check_launch();
}

void KernelDevice::latent_gradient(const LatentGradient& in) {
  cuda::latent_gradient(in, stream());
  check_launch();
}

void KernelDevice::reconstruction(const Reconstruction& in) {
  cuda::reconstruction(in, stream());
  check_launch();
}

void KernelDevice::batch_sums(const BatchSums& in) {
  cuda::batch_sums(in, stream());
  check_launch();
}

void KernelDevice::commit(const State& state, const Layout& layout,
                          std::int64_t latent) {
  commit_with(state, layout, latent, nullptr, {});
}

void KernelDevice::commit_with(const State& state, const Layout& layout,
                               std::int64_t latent, std::uint16_t* copy,
                               const GradientNorm& norm) {
  const std::int64_t partials = partial_count(layout.param_floats);
  if (norm.count == 0 && partials > partials_) {
    partial_ = allocate(partials * std::int64_t{sizeof(double)});
    partials_ = partials;
  }
  cuda::commit(
      {floats(state.param), floats(state.moment1), floats(state.moment2),
       floats(state.reduced), floats(state.running),
       static_cast<double*>(state.sums.get()),
       static_cast<Control*>(state.control.get()),
       norm.count > 0 ? norm.partial : static_cast<double*>(partial_.get()),
       copy, layout.param_floats, layout.running_floats, latent, norm.count},
      stream());
  check_launch();
}

Fusion* KernelDevice::fusion() {
  if (fusion_ == nullptr) fusion_ = std::make_unique<KernelFusion>(*this);
  return fusion_.get();
}

void KernelDevice::load_here(const RowSource& from, model::Extent image,
                             float* to) {
  load_rows(
      {from.data, from.type, from.layout == vae::Layout::chw && image.c > 1,
       from.cursor, from.first, from.count, image.size(), image.c, to},
      stream());
  check_launch();
}

void KernelDevice::store_here(const float* from, model::Extent image,
                              bool logits, const RowTarget& to, void* memory) {
  store_rows(
      {from, memory, to.type, to.layout == vae::Layout::chw && image.c > 1,
       logits, to.count, image.size(), image.c},
      stream());
  check_launch();
}

void KernelDevice::store_columns_here(const float* from, std::int64_t width,
                                      std::int64_t first, std::int64_t columns,
                                      std::int64_t rows, void* memory) {
  cuda::store_columns(
      {from, static_cast<float*>(memory), width, first, columns, rows},
      stream());
  check_launch();
}

}  // namespace vae::engine::cuda
