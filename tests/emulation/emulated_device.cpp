// See emulated_device.hpp. Copies between host and device wherever a CUDA
// device does, so that kernels access only the device's memory.
#include "emulation/emulated_device.hpp"

#include <cstring>
#include <string>

#include "base/check.hpp"
#include "emulation/memory.hpp"
#include "engine/cuda/kernel_device.hpp"

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

  void load(const engine::RowSource& from, model::Extent image,
            float* to) override {
    if (from.place != engine::Place::host) return load_here(from, image, to);
    const auto row =
        image.size() * static_cast<std::int64_t>(element_size(from.type));
    const Buffer copy = allocate(row * from.count);
    upload(copy.get(),
           static_cast<const std::byte*>(from.data) +
               from.first * static_cast<std::uint64_t>(row),
           row * from.count);
    engine::RowSource here = from;
    here.data = copy.get();
    here.first = 0;
    load_here(here, image, to);
  }

  void store(const float* from, model::Extent image, bool logits,
             const engine::RowTarget& to) override {
    const std::int64_t bytes = to.count * image.size() *
                               static_cast<std::int64_t>(element_size(to.type));
    deliver(to, bytes,
            [&](void* memory) { store_here(from, image, logits, to, memory); });
  }

  void store_columns(const float* from, std::int64_t width, std::int64_t first,
                     std::int64_t columns,
                     const engine::RowTarget& to) override {
    const std::int64_t bytes = to.count * columns * std::int64_t{sizeof(float)};
    deliver(to, bytes, [&](void* memory) {
      store_columns_here(from, width, first, columns, to.count, memory);
    });
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

  /// Runs `fill` on the target's memory, or on a copy that is then fetched.
  template <class Fill>
  void deliver(const engine::RowTarget& to, std::int64_t bytes, Fill fill) {
    if (to.place != engine::Place::host) return fill(to.data);
    const Buffer copy = allocate(bytes);
    fill(copy.get());
    download(to.data, copy.get(), bytes);
  }
};

}  // namespace

std::unique_ptr<engine::Device> make_emulated_device() {
  return std::make_unique<EmulatedDevice>();
}

}  // namespace vae::emulation
