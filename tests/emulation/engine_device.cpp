// The device for tests of engines without a GPU: emulated CUDA kernels on plain
// CPU memory, in which LibTorch computes. It does not check for stray writes;
// the kernels' own tests do.
#include <utility>

#include "engine/cuda/kernel_operations.hpp"
#include "kernels/engine_subject.hpp"

namespace vae::engine {
namespace {

cuda::TensorCores emulated_cores = cuda::TensorCores::ampere;

class EngineDevice final : public cuda::KernelDevice {
 public:
  DeviceKind kind() const override { return DeviceKind::cpu; }
  int index() const override { return 0; }
  std::unique_ptr<Scope> enter() override { return std::make_unique<Scope>(); }
  cuda::TensorCores tensor_cores() const override { return emulated_cores; }

  Buffer allocate(std::int64_t bytes) override {
    return memory_->allocate(bytes);
  }
  void upload(void* to, const void* from, std::int64_t bytes) override {
    memory_->upload(to, from, bytes);
  }
  void download(void* to, const void* from, std::int64_t bytes) override {
    memory_->download(to, from, bytes);
  }
  void clear(void* memory, std::int64_t bytes) override {
    memory_->clear(memory, bytes);
  }
  void wait() override {}

 private:
  cudaStream_t stream() const override { return nullptr; }
  void check_launch() const override {
    const cudaError_t error = cudaGetLastError();
    REQUIRE_MESSAGE(error == cudaSuccess, cudaGetErrorString(error));
  }

  std::unique_ptr<Device> memory_ = make_cpu_device(1);
};

}  // namespace

void choose_tensor_cores(bool hopper) {
  emulated_cores =
      hopper ? cuda::TensorCores::hopper : cuda::TensorCores::ampere;
}

std::unique_ptr<Device> engine_device_under_test() {
  return std::make_unique<EngineDevice>();
}

}  // namespace vae::engine
