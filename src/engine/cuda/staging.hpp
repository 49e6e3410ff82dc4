// Host memory that a device reads by itself, in its own time.
#pragma once

#include <ATen/cuda/PinnedMemoryAllocator.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "engine/cuda/check_cuda.hpp"

namespace vae::engine::cuda {

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

  void record(cudaStream_t stream) {
    check(cudaEventRecord(event_, stream), "recording an event");
  }
  /// At once if it was never recorded.
  void wait() { check(cudaEventSynchronize(event_), "waiting for the device"); }
  void hold_back(cudaStream_t stream) {
    check(cudaStreamWaitEvent(stream, event_, 0), "ordering two streams");
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Two pieces of pinned memory that take turns: while the device still reads
/// the one, the host fills the other.
class Staging {
 public:
  /// Copies of at most this size are staged at a time.
  static constexpr std::size_t kPiece = std::size_t{16} << 20;

  void copy(void* to, const void* from, std::size_t bytes,
            cudaStream_t stream) {
    for (std::size_t done = 0; done < bytes; done += kPiece) {
      const std::size_t size = bytes - done < kPiece ? bytes - done : kPiece;
      copy_piece(static_cast<std::byte*>(to) + done,
                 static_cast<const std::byte*>(from) + done, size, stream);
    }
  }

 private:
  struct Piece {
    at::DataPtr memory;
    std::size_t size = 0;
    Event done;
  };

  void copy_piece(void* to, const void* from, std::size_t bytes,
                  cudaStream_t stream) {
    Piece& piece = pieces_[turn_];
    turn_ = 1 - turn_;
    piece.done.wait();
    if (bytes > piece.size) {
      piece.memory = at::cuda::getPinnedMemoryAllocator()->allocate(bytes);
      piece.size = bytes;
    }
    std::memcpy(piece.memory.get(), from, bytes);
    check(cudaMemcpyAsync(to, piece.memory.get(), bytes, cudaMemcpyHostToDevice,
                          stream),
          "copying to the device");
    piece.done.record(stream);
  }

  std::array<Piece, 2> pieces_;
  std::size_t turn_ = 0;
};

}  // namespace vae::engine::cuda
