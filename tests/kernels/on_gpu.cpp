// The kernels' and engines' tests use GPU 0. Without a GPU they print the
// reason and return 77, which ctest counts as skipped.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include "kernels/engine_subject.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {

Device& kernel_device() {
  // Never destroyed, because CUDA may end before static objects.
  static Device& device = *make_cuda_device(0).release();
  // As an engine does before it uses a device: sets LibTorch's stream.
  static const Device::Scope& scope = *device.enter().release();
  (void)scope;
  return device;
}

std::unique_ptr<Device> engine_device_under_test() {
  return make_cuda_device(0);
}

void choose_tensor_cores(bool) {}

}  // namespace vae::engine

int main(int count, char** arguments) {
  const std::string why = vae::engine::why_no_cuda(0);
  if (!why.empty()) {
    std::printf("skipped, there is no usable GPU: %s\n", why.c_str());
    return 77;
  }
  return doctest::Context(count, arguments).run();
}
