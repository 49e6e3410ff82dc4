// See emulated_device.hpp. Copies between host and device wherever a CUDA
// device does, so that kernels access only the device's memory.
#include "emulation/emulated_device.hpp"

#include <cstring>
#include <string>

#include "base/check.hpp"
#include "emulation/memory.hpp"
#include "engine/cuda/kernel_operations.hpp"

namespace vae::emulation {
namespace {

using engine::Buffer;

class EmulatedDevice final : public engine::cuda::KernelDevice {
 public:
  DeviceKind kind() const override { return DeviceKind::cuda; }
  int index() const override { return 0; }
  std::unique_ptr<Scope> enter() override { return std::make_unique<Scope>(); }

  Buffer allocate(std::int64_t bytes) override {
    Buffer memory = emulation::allocate(bytes);
    require(memory != nullptr, Status::memory, "no memory for ", bytes,
            " bytes on the emulated device");
    return memory;
  }
  void upload(void* to, const void* from, std::int64_t bytes) override {
    if (bytes == 0) return;  // the pointer may be null
    const OpenMemory open;
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  void download(void* to, const void* from, std::int64_t bytes) override {
    if (bytes == 0) return;  // the pointer may be null
    const OpenMemory open;
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
  void clear(void* memory, std::int64_t bytes) override {
    const OpenMemory open;
    std::memset(memory, 0, static_cast<std::size_t>(bytes));
  }
  void wait() override {}

  void read_rows(const engine::RowSource& from, std::int64_t row_bytes,
                 const UseRows& use) override {
    if (from.place != engine::Place::host) return use(from, 0);
    const Buffer copy = allocate(row_bytes * from.count);
    upload(copy.get(),
           static_cast<const std::byte*>(from.data) +
               from.first * static_cast<std::uint64_t>(row_bytes),
           row_bytes * from.count);
    engine::RowSource here = from;
    here.data = copy.get();
    here.first = 0;
    use(here, 0);
  }

  void write_rows(const engine::RowTarget& to, std::int64_t row_bytes,
                  const FillRows& fill) override {
    if (to.place != engine::Place::host) return fill(to.data);
    const std::int64_t bytes = row_bytes * to.count;
    const Buffer copy = allocate(bytes);
    fill(copy.get());
    download(to.data, copy.get(), bytes);
  }

 private:
  cudaStream_t stream() const override { return nullptr; }

  void check_launch() const override {
    const cudaError_t error = cudaGetLastError();
    require(error == cudaSuccess, Status::device,
            "the emulation failed: ", cudaGetErrorString(error));
    const std::string beside = written_beside();
    require(beside.empty(), Status::internal, beside);
  }
};

}  // namespace

std::unique_ptr<engine::Device> make_emulated_device() {
  return std::make_unique<EmulatedDevice>();
}

}  // namespace vae::emulation
