// A CUDA device with LibTorch's allocators and stream and libvae's kernels.
// Only download(), wait() and stores to host memory make the host wait.
#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <array>
#include <optional>
#include <type_traits>

#include "base/check.hpp"
#include "engine/cuda/kernel_operations.hpp"
#include "engine/cuda/runtime.hpp"
#include "engine/cuda/staging.hpp"

namespace vae::engine {
namespace {

using cuda::check;

/// Makes a stream LibTorch's current one on this thread.
class CudaScope final : public Device::Scope {
 public:
  explicit CudaScope(c10::cuda::CUDAStream stream) : guard_(stream) {}

 private:
  c10::cuda::CUDAStreamGuard guard_;
};

class CudaDevice final : public cuda::KernelDevice {
 public:
  explicit CudaDevice(c10::DeviceIndex index)
      : index_(index),
        // What the next kernel waits for goes first.
        stream_(c10::cuda::getStreamFromPool(true, index)),
        side_(c10::cuda::getStreamFromPool(false, index)),
        cores_(cuda::find_tensor_cores(index)),
        staging_(index) {}

  ~CudaDevice() override {
    // Outstanding work still reads this memory. An error of a lost device
    // cannot be reported from a destructor.
    (void)cudaStreamSynchronize(stream_.stream());
    (void)cudaStreamSynchronize(side_.stream());
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

  // From LibTorch's allocator, so that both share one pool. It may hand out
  // memory that was used before, so it is cleared.
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

  // Through pinned memory: the host may reuse its own at once, and the copy
  // takes its turn on the stream.
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

  // Waits for the piece before the last one.
  void pace() override {
    cuda::Event& earlier = issued_[turn_];
    turn_ = 1 - turn_;
    on_device([&] {
      earlier.wait();
      earlier.record(stream_);
    });
  }

  std::int64_t peak_bytes() const override {
    using Stat = c10::CachingAllocator::StatType;
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(index_);
    return stats.allocated_bytes[static_cast<std::size_t>(Stat::AGGREGATE)]
        .peak;
  }

  std::unique_ptr<Capturer> make_capturer() override {
    return cuda::make_capturer(stream_);
  }

  // Rows of the host are copied first. Rows of the caller on this device are
  // read where they lie, in turn with the caller's stream.
  void read_rows(const RowSource& from, std::int64_t row_bytes,
                 const UseRows& use) override {
    on_device([&] {
      if (from.place == Place::host) {
        read_host_rows(from, row_bytes, use);
        return;
      }
      const Borrowed borrowed(*this, from.place, from.data, from.stream);
      use(from, 0);
    });
  }

  void write_rows(const RowTarget& to, std::int64_t row_bytes,
                  const FillRows& fill) override {
    on_device([&] {
      if (to.place == Place::callers_device) {
        const Borrowed borrowed(*this, to.place, to.data, to.stream);
        fill(to.data);
        return;
      }
      // For the host: into memory of the device first. This waits.
      const std::int64_t bytes = to.count * row_bytes;
      const Buffer copy = allocate(bytes);
      fill(copy.get());
      download(to.data, copy.get(), bytes);
    });
  }

  cuda::TensorCores tensor_cores() const override { return cores_; }

  cudaStream_t stream() const override { return stream_; }
  cudaStream_t side_stream() override { return side_; }
  void fork() override {
    forked_.record(stream_);
    forked_.hold_back(side_);
  }
  void join() override {
    joined_.record(side_);
    joined_.hold_back(stream_);
  }
  void check_launch() const override {
    check(cudaGetLastError(), "starting a kernel");
  }

 private:
  /// Runs with this device and stream current, and translates c10 exceptions to
  /// vae::Error.
  template <class Work>
  std::invoke_result_t<Work> on_device(Work work) {
    return cuda::translated([&] {
      const c10::cuda::CUDAStreamGuard here(stream_);
      return work();
    });
  }

  /// Rows of the host, copied in pieces of bounded size.
  void read_host_rows(RowSource piece, std::int64_t row_bytes,
                      const UseRows& use) {
    const auto row = static_cast<std::size_t>(row_bytes);
    const std::int64_t most = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(cuda::Staging::kPiece / row));
    const auto* rows = static_cast<const std::byte*>(piece.data) +
                       static_cast<std::size_t>(piece.first) * row;
    piece.first = 0;
    for (std::int64_t done = 0, left = piece.count; left > 0;
         done += piece.count, left -= piece.count) {
      piece.count = std::min(left, most);
      staging_.bring(rows + static_cast<std::size_t>(done) * row,
                     static_cast<std::size_t>(piece.count) * row, stream_,
                     [&](const void* here) {
                       piece.data = here;
                       use(piece, done);
                     });
    }
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
        // The device is lost; the next call that waits reports it.
      }
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;

   private:
    std::optional<cuda::Event> event_;
    cudaStream_t ours_, callers_;
    bool active_;
  };

  /// A bad pointer would make CUDA unusable for the whole process.
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

  c10::DeviceIndex index_;
  c10::cuda::CUDAStream stream_, side_;
  cuda::Event forked_, joined_;
  cuda::TensorCores cores_;
  cuda::Staging staging_;
  std::array<cuda::Event, 2> issued_;  // of the last two pieces of training
  std::size_t turn_ = 0;
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
