// A CUDA device: LibTorch lends its allocators and a stream, the kernels are
// ours. Only download(), wait() and stores to host memory make the host wait.
#include <ATen/cuda/PinnedMemoryAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <array>
#include <cstring>

#include "base/check.hpp"
#include "engine/cuda/check_cuda.hpp"
#include "engine/cuda/kernels.hpp"

namespace vae::engine {
namespace {

using cuda::check;

/// Host memory that the device reads by itself; reused once it has.
class Staging {
 public:
  Staging() {
    check(cudaEventCreateWithFlags(&done_, cudaEventDisableTiming),
          "creating an event");
  }
  ~Staging() { cudaEventDestroy(done_); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Waits until the last copy out of this buffer is over.
  void* reserve(std::size_t bytes) {
    check(cudaEventSynchronize(done_), "waiting for a copy");
    if (bytes > size_) {
      memory_ = at::cuda::getPinnedMemoryAllocator()->allocate(bytes);
      size_ = bytes;
    }
    return memory_.get();
  }
  void used(cudaStream_t stream) {
    check(cudaEventRecord(done_, stream), "recording an event");
  }

 private:
  at::DataPtr memory_;
  std::size_t size_ = 0;
  cudaEvent_t done_ = nullptr;
};

class CudaScope final : public Device::Scope {
 public:
  explicit CudaScope(c10::cuda::CUDAStream stream) : guard_(stream) {}

 private:
  c10::cuda::CUDAStreamGuard guard_;
};

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(c10::DeviceIndex index)
      : index_(index),
        stream_(c10::cuda::getStreamFromPool(false, index)) {}

  DeviceKind kind() const override { return DeviceKind::cuda; }
  int index() const override { return index_; }
  std::unique_ptr<Scope> enter() override {
    return std::make_unique<CudaScope>(stream_);
  }

  Buffer allocate(std::int64_t bytes) override {
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    auto* allocator = c10::cuda::CUDACachingAllocator::get();
    auto memory = std::make_shared<at::DataPtr>();
    try {
      *memory = allocator->allocate(static_cast<std::size_t>(bytes));
    } catch (const c10::OutOfMemoryError&) {
      fail(Status::memory, "no memory for ", bytes, " bytes on CUDA device ",
           index_);
    }
    void* start = memory->get();
    clear(start, bytes);
    return {std::move(memory), start};
  }

  void upload(void* to, const void* from, std::int64_t bytes) override {
    const c10::cuda::CUDAGuard here(index_);
    const auto size = static_cast<std::size_t>(bytes);
    const auto [staged, staging] = stage(from, size);
    check(cudaMemcpyAsync(to, staged, size, cudaMemcpyHostToDevice, stream_),
          "copying to the device");
    staging->used(stream_);
  }

  void download(void* to, const void* from, std::int64_t bytes) override {
    const c10::cuda::CUDAGuard here(index_);
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes),
                          cudaMemcpyDeviceToHost, stream_),
          "copying from the device");
    wait();
  }

  void clear(void* memory, std::int64_t bytes) override {
    const c10::cuda::CUDAGuard here(index_);
    check(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), stream_),
          "clearing memory");
  }

  void wait() override {
    const c10::cuda::CUDAGuard here(index_);
    check(cudaStreamSynchronize(stream_), "waiting for the device");
  }

  void load(const RowSource& from, model::Extent image, float* to) override {
    const c10::cuda::CUDAGuard here(index_);
    cuda::LoadArgs args{from.data,
                        from.type,
                        from.layout == vae::Layout::chw && image.c > 1,
                        from.order != nullptr,
                        from.order != nullptr ? *from.order : Order{},
                        from.first,
                        from.count,
                        image.size(),
                        image.c,
                        to};
    Buffer copy;
    if (from.on_device) {
      follow(from.stream);
    } else {
      const std::uint64_t row =
          static_cast<std::uint64_t>(image.size()) * element_size(from.type);
      const auto bytes = static_cast<std::int64_t>(row) * from.count;
      copy = allocate(bytes);
      upload(copy.get(),
             static_cast<const std::byte*>(from.data) + from.first * row,
             bytes);
      args.rows = copy.get();
      args.first = 0;
    }
    cuda::load_rows(args, stream_);
    launched();
  }

  void store(const float* from, model::Extent image, bool logits,
             const RowTarget& to) override {
    cuda::StoreArgs args{
        from,         nullptr,
        to.type,      to.layout == vae::Layout::chw && image.c > 1,
        logits,       to.count,
        image.size(), image.c};
    const std::int64_t bytes = to.count * image.size() *
                               static_cast<std::int64_t>(element_size(to.type));
    deliver(to, bytes, [&](void* memory) {
      args.to = memory;
      cuda::store_rows(args, stream_);
    });
  }

  void store_columns(const float* from, std::int64_t width, std::int64_t first,
                     std::int64_t columns, const RowTarget& to) override {
    const std::int64_t bytes = to.count * columns * std::int64_t{sizeof(float)};
    deliver(to, bytes, [&](void* memory) {
      cuda::store_columns(from, width, first, columns, to.count,
                          static_cast<float*>(memory), stream_);
    });
  }

  void normals(const NoiseKey& key, std::uint64_t first_row, std::int64_t rows,
               std::int64_t width, float scale, float* out) override {
    cuda::normals(key, first_row, rows, width, scale, out, stream_);
    launched();
  }
  void latent(const Latent& in) override {
    cuda::latent(in, stream_);
    launched();
  }
  void latent_gradient(const LatentGradient& in) override {
    cuda::latent_gradient(in, stream_);
    launched();
  }
  void reconstruction(const Reconstruction& in) override {
    cuda::reconstruction(in, stream_);
    launched();
  }
  void batch_sums(const BatchSums& in) override {
    cuda::batch_sums(in, stream_);
    launched();
  }

  void commit(const State& state, const Layout& layout,
              std::int64_t latent) override {
    if (partial_ == nullptr)
      partial_ = allocate(cuda::partial_count(layout.param_floats) *
                          std::int64_t{sizeof(double)});
    cuda::commit({floats(state.param), floats(state.moment1),
                  floats(state.moment2), floats(state.reduced),
                  floats(state.running), static_cast<double*>(state.sums.get()),
                  static_cast<Control*>(state.control.get()),
                  static_cast<double*>(partial_.get()), layout.param_floats,
                  layout.running_floats, latent},
                 stream_);
    launched();
  }

 private:
  static void launched() { check(cudaGetLastError(), "starting a kernel"); }

  /// A copy of host memory from which the device may read at its own time. Two
  /// take turns, so that a step's copy overlaps with the step before.
  std::pair<void*, Staging*> stage(const void* from, std::size_t bytes) {
    Staging* staging = &staging_[turn_];
    turn_ = 1 - turn_;
    void* memory = staging->reserve(bytes);
    std::memcpy(memory, from, bytes);
    return {memory, staging};
  }

  /// Our stream goes on after what the caller's has been given so far.
  void follow(void* callers) {
    order_streams(static_cast<cudaStream_t>(callers), stream_);
  }

  static void order_streams(cudaStream_t first, cudaStream_t second) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming),
          "creating an event");
    const cudaError_t recorded = cudaEventRecord(event, first);
    const cudaError_t waits = recorded == cudaSuccess
                                  ? cudaStreamWaitEvent(second, event, 0)
                                  : recorded;
    cudaEventDestroy(event);
    check(waits, "ordering two streams");
  }

  /// Runs `fill` on the target's memory, or on a copy that is then fetched.
  template <class Fill>
  void deliver(const RowTarget& to, std::int64_t bytes, Fill fill) {
    const c10::cuda::CUDAGuard here(index_);
    if (to.on_device) {
      follow(to.stream);
      fill(to.data);
      launched();
      order_streams(stream_, static_cast<cudaStream_t>(to.stream));
      return;
    }
    const Buffer copy = allocate(bytes);
    fill(copy.get());
    launched();
    download(to.data, copy.get(), bytes);
  }

  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_;
  std::array<Staging, 2> staging_;
  std::size_t turn_ = 0;
  Buffer partial_;
};

}  // namespace

std::unique_ptr<Device> make_cuda_device(int index) {
  const std::string why = why_no_cuda(index);
  require(why.empty(), Status::device, "CUDA device ", index,
          " cannot be used: ", why);
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
  return std::make_unique<CudaDevice>(static_cast<c10::DeviceIndex>(index));
}

}  // namespace vae::engine
