// Copies host memory to the device. The host fills pinned memory; a separate
// stream copies it while the device still computes the previous step.
#pragma once

#include <ATen/cuda/PinnedMemoryAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "engine/cuda/runtime.hpp"

namespace vae::engine::cuda {

/// Double buffer: two pinned host buffers, each with a device buffer. One is
/// read while the other is filled.
class Staging {
 public:
  /// Copies of at most this size are staged at a time.
  static constexpr std::size_t kPiece = std::size_t{16} << 20;

  explicit Staging(c10::DeviceIndex device)
      : copies_(c10::cuda::getStreamFromPool(false, device)) {}

  /// Memory on the device that will hold `bytes` of `from`; `work(memory)`
  /// issues its reader on `stream`, after which the piece may be used again.
  template <class Work>
  void bring(const void* from, std::size_t bytes, cudaStream_t stream,
             Work work) {
    Piece& piece = pieces_[turn_];
    turn_ = 1 - turn_;
    piece.copied.wait();  // the host's turn with the pinned memory
    grow(piece, bytes, stream);
    std::memcpy(piece.pinned.get(), from, bytes);
    piece.read.hold_back(copies_);
    check(cudaMemcpyAsync(piece.memory.get(), piece.pinned.get(), bytes,
                          cudaMemcpyHostToDevice, copies_),
          "copying to the device");
    piece.copied.record(copies_);
    piece.copied.hold_back(stream);
    work(piece.memory.get());
    piece.read.record(stream);
  }

  /// To memory that work on `stream` may still be reading.
  void copy(void* to, const void* from, std::size_t bytes,
            cudaStream_t stream) {
    for (std::size_t done = 0; done < bytes; done += kPiece) {
      const std::size_t size = bytes - done < kPiece ? bytes - done : kPiece;
      bring(static_cast<const std::byte*>(from) + done, size, stream,
            [&](const void* here) {
              check(cudaMemcpyAsync(static_cast<std::byte*>(to) + done, here,
                                    size, cudaMemcpyDeviceToDevice, stream),
                    "copying on the device");
            });
    }
  }

 private:
  struct Piece {
    at::DataPtr pinned, memory;
    std::size_t size = 0;
    Event copied, read;
  };

  static void grow(Piece& piece, std::size_t bytes, cudaStream_t stream) {
    if (bytes <= piece.size) return;
    piece.read.wait();  // what is read must not be freed
    piece.size = 0;
    piece.pinned = at::cuda::getPinnedMemoryAllocator()->allocate(bytes);
    piece.memory = c10::cuda::CUDACachingAllocator::get()->allocate(bytes);
    piece.size = bytes;
    // The allocator may return memory that `stream` still uses.
    piece.read.record(stream);
  }

  c10::cuda::CUDAStream copies_;
  std::array<Piece, 2> pieces_;
  std::size_t turn_ = 0;
};

}  // namespace vae::engine::cuda
