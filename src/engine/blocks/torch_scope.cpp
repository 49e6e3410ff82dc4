// See torch_scope.hpp.
#include "engine/blocks/torch_scope.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <omp.h>

namespace vae::engine::blocks {

TorchScope::TorchScope(Device& device, int threads, Precision precision,
                       bool deterministic)
    // Asked before LibTorch, whose first question changes the answer.
    : omp_threads_(omp_get_max_threads()) {
  torch_threads_ = at::get_num_threads();
  if (threads != torch_threads_) at::set_num_threads(threads);
  if (device.kind() == DeviceKind::cuda) {
    auto& context = at::globalContext();
    cuda_ = std::make_unique<CudaSettings>(CudaSettings{
        context.allowTF32CuBLAS(), context.allowTF32CuDNN(),
        context.deterministicAlgorithms(), context.deterministicCuDNN()});
    context.setAllowTF32CuBLAS(precision == Precision::tf32);
    context.setAllowTF32CuDNN(precision == Precision::tf32);
    context.setDeterministicAlgorithms(deterministic, false);
    context.setDeterministicCuDNN(deterministic);
  }
  stream_ = device.enter();
}

TorchScope::~TorchScope() {
  stream_.reset();
  if (cuda_ != nullptr) {
    auto& context = at::globalContext();
    context.setAllowTF32CuBLAS(cuda_->tf32_blas);
    context.setAllowTF32CuDNN(cuda_->tf32_cudnn);
    context.setDeterministicAlgorithms(cuda_->deterministic, false);
    context.setDeterministicCuDNN(cuda_->deterministic_cudnn);
  }
  if (at::get_num_threads() != torch_threads_)
    at::set_num_threads(torch_threads_);
  omp_set_num_threads(omp_threads_);
}

}  // namespace vae::engine::blocks
