// The kernels' tests use the emulated device.
#include "emulation/emulated_device.hpp"
#include "kernels/kernel_tests.hpp"

namespace vae::engine {

Device& kernel_device() {
  static const std::unique_ptr<Device> device =
      emulation::make_emulated_device();
  return *device;
}

}  // namespace vae::engine
