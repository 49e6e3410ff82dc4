// What the files over CUDA's and LibTorch's run-time share: checked calls,
// events, and the capture of a stream. Translates c10 exceptions to vae::Error;
// no other type escapes this directory.
#pragma once

#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_runtime_api.h>

#include <memory>

#include "base/check.hpp"
#include "engine/recorder.hpp"

namespace vae::engine::cuda {

inline void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  // Clear the thread's last CUDA error, which the host may query next.
  (void)cudaGetLastError();
  // libvae's handles are valid, so the caller's stream is not.
  const Status status = error == cudaErrorMemoryAllocation ? Status::memory
                        : error == cudaErrorInvalidResourceHandle
                            ? Status::argument
                            : Status::device;
  fail(status, "CUDA failed while ", doing, ": ", cudaGetErrorString(error));
}

template <class Work>
auto translated(Work work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    fail(Status::memory, "LibTorch on CUDA: ", error.what_without_backtrace());
  } catch (const c10::Error& error) {
    fail(Status::device, "LibTorch on CUDA: ", error.what_without_backtrace());
  }
}

/// One CUDA event; on the device that is current when it is made.
class Event {
 public:
  Event() {
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming),
          "creating an event");
  }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// The event is all that `stream` was given so far.
  void record(cudaStream_t stream) {
    check(cudaEventRecord(event_, stream), "recording an event");
  }
  /// The host waits for the event; not at all if it was never recorded.
  void wait() { check(cudaEventSynchronize(event_), "waiting for the device"); }
  /// What `stream` is given from now on waits for the event.
  void hold_back(cudaStream_t stream) {
    check(cudaStreamWaitEvent(stream, event_, 0), "ordering two streams");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Captures the work on a stream as a CUDA graph (graph.cpp). All graphs of a
/// stream share one memory pool of LibTorch's allocator: they run one after the
/// other and keep no data in it.
std::unique_ptr<Capturer> make_capturer(c10::cuda::CUDAStream stream);

}  // namespace vae::engine::cuda
