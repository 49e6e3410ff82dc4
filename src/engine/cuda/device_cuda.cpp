// A CUDA device: LibTorch lends its allocators and a stream, the kernels are
// ours. Only download(), wait() and stores to host memory make the host wait.
#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <array>
#include <optional>
#include <type_traits>

#include "base/check.hpp"
#include "engine/cuda/check_cuda.hpp"
#include "engine/cuda/kernels.hpp"
#include "engine/cuda/staging.hpp"

namespace vae::engine {
namespace {

using cuda::check;

class CudaScope final : public Device::Scope {
 public:
  explicit CudaScope(c10::cuda::CUDAStream stream) : guard_(stream) {}

 private:
  c10::cuda::CUDAStreamGuard guard_;
};

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(c10::DeviceIndex index)
      : index_(index), stream_(c10::cuda::getStreamFromPool(false, index)) {}

  ~CudaDevice() override {
    // What was issued still reads our memory. A lost device reports an error,
    // which nobody could act on here.
    (void)cudaStreamSynchronize(stream_.stream());
    (void)cudaGetLastError();
  }
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  DeviceKind kind() const override { return DeviceKind::cuda; }
  int index() const override { return index_; }
  std::unique_ptr<Scope> enter() override {
    return cuda::translated(
        [&] { return std::make_unique<CudaScope>(stream_); });
  }

  Buffer allocate(std::int64_t bytes) override {
    return on_device([&]() -> Buffer {
      auto memory = std::make_shared<at::DataPtr>(
          c10::cuda::CUDACachingAllocator::get()->allocate(
              static_cast<std::size_t>(bytes)));
      void* start = memory->get();
      clear(start, bytes);
      return {std::move(memory), start};
    });
  }

  void upload(void* to, const void* from, std::int64_t bytes) override {
    on_device([&] {
      staging_.copy(to, from, static_cast<std::size_t>(bytes), stream_);
    });
  }

  void download(void* to, const void* from, std::int64_t bytes) override {
    if (bytes == 0) return;
    on_device([&] {
      check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes),
                            cudaMemcpyDeviceToHost, stream_),
            "copying from the device");
      wait();
    });
  }

  void clear(void* memory, std::int64_t bytes) override {
    if (bytes == 0) return;
    on_device([&] {
      check(
          cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), stream_),
          "clearing memory");
    });
  }

  void wait() override {
    on_device([&] {
      check(cudaStreamSynchronize(stream_), "waiting for the device");
    });
  }

  void load(const RowSource& from, model::Extent image, float* to) override {
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
    on_device([&] {
      Buffer copy;
      if (from.place == Place::host) {
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
      const Borrowed borrowed(*this, from.place, from.data, from.stream);
      launch([&] { cuda::load_rows(args, stream_); });
    });
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
    launch([&] {
      cuda::normals(key, first_row, rows, width, scale, out, stream_);
    });
  }
  void latent(const Latent& in) override {
    launch([&] { cuda::latent(in, stream_); });
  }
  void latent_gradient(const LatentGradient& in) override {
    launch([&] { cuda::latent_gradient(in, stream_); });
  }
  void reconstruction(const Reconstruction& in) override {
    launch([&] { cuda::reconstruction(in, stream_); });
  }
  void batch_sums(const BatchSums& in) override {
    launch([&] { cuda::batch_sums(in, stream_); });
  }

  void commit(const State& state, const Layout& layout,
              std::int64_t latent) override {
    if (partial_ == nullptr)
      partial_ = allocate(cuda::partial_count(layout.param_floats) *
                          std::int64_t{sizeof(double)});
    // The host runs at most two steps ahead of the device.
    cuda::Event& finished = finished_[turn_];
    turn_ = 1 - turn_;
    finished.wait();
    launch([&] {
      cuda::commit(
          {floats(state.param), floats(state.moment1), floats(state.moment2),
           floats(state.reduced), floats(state.running),
           static_cast<double*>(state.sums.get()),
           static_cast<Control*>(state.control.get()),
           static_cast<double*>(partial_.get()), layout.param_floats,
           layout.running_floats, latent},
          stream_);
    });
    finished.record(stream_);
  }

 private:
  /// With this device and stream current, whatever the calling thread has, and
  /// with LibTorch's failures made ours.
  template <class Work>
  std::invoke_result_t<Work> on_device(Work work) {
    return cuda::translated([&] {
      const c10::cuda::CUDAStreamGuard here(stream_);
      return work();
    });
  }

  template <class Work>
  static void launch(Work work) {
    // An error that the host left behind is not ours to report.
    (void)cudaGetLastError();
    work();
    check(cudaGetLastError(), "starting a kernel");
  }

  /// The caller's memory on this device, borrowed: our stream goes on after
  /// what the caller's has been given so far, and the caller's after us.
  class Borrowed {
   public:
    Borrowed(CudaDevice& device, Place place, const void* data, void* stream)
        : ours_(device.stream_),
          callers_(static_cast<cudaStream_t>(stream)),
          active_(place == Place::callers_device) {
      if (!active_) return;
      device.check_pointer(data);
      event_.emplace();
      event_->record(callers_);
      event_->hold_back(ours_);
    }
    ~Borrowed() {
      if (!active_) return;
      try {
        event_->record(ours_);
        event_->hold_back(callers_);
      } catch (const Error&) {
        // The device is lost; the next call that waits says so.
      }
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;

   private:
    std::optional<cuda::Event> event_;
    cudaStream_t ours_, callers_;
    bool active_;
  };

  /// A wrong pointer would cost the whole process its CUDA context.
  void check_pointer(const void* data) const {
    cudaPointerAttributes found{};
    const cudaError_t error = cudaPointerGetAttributes(&found, data);
    if (error != cudaSuccess) (void)cudaGetLastError();
    const bool here =
        error == cudaSuccess &&
        (found.type == cudaMemoryTypeManaged ||
         (found.type == cudaMemoryTypeDevice && found.device == index_));
    require(here, Status::argument, "the data does not lie on CUDA device ",
            index_, ", on which this trainer runs");
  }

  /// Runs `fill` on the target's memory, or on a copy that is then fetched.
  template <class Fill>
  void deliver(const RowTarget& to, std::int64_t bytes, Fill fill) {
    on_device([&] {
      if (to.place == Place::callers_device) {
        const Borrowed borrowed(*this, to.place, to.data, to.stream);
        launch([&] { fill(to.data); });
        return;
      }
      const Buffer copy = allocate(bytes);
      launch([&] { fill(copy.get()); });
      download(to.data, copy.get(), bytes);
    });
  }

  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_;
  cuda::Staging staging_;
  std::array<cuda::Event, 2> finished_;
  std::size_t turn_ = 0;
  Buffer partial_;
};

}  // namespace

std::unique_ptr<Device> make_cuda_device(int index) {
  const std::string why = why_no_cuda(index);
  require(why.empty(), Status::device, "CUDA device ", index,
          " cannot be used: ", why);
  return cuda::translated([&] {
    at::globalContext().lazyInitDevice(at::kCUDA);
    const auto device = static_cast<c10::DeviceIndex>(index);
    const c10::cuda::CUDAGuard here(device);
    return std::make_unique<CudaDevice>(device);
  });
}

}  // namespace vae::engine
