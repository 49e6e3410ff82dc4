// A device that counts the bytes of what is allocated on it and allocates
// nothing. An engine's workspace that is made on it tells its size.
#pragma once

#include <cstdint>
#include <utility>

#include "base/check.hpp"
#include "engine/device.hpp"

namespace vae::engine {

class SizingDevice final : public Device {
 public:
  explicit SizingDevice(DeviceKind kind) : kind_(kind) {}

  std::int64_t bytes() const { return bytes_; }

  DeviceKind kind() const override { return kind_; }
  int index() const override { return 0; }
  std::unique_ptr<Scope> enter() override { return std::make_unique<Scope>(); }
  /// A buffer that must not be read or written.
  Buffer allocate(std::int64_t bytes) override {
    // LibTorch's allocator on CUDA gives multiples of 512 bytes; the CPU's
    // buffers begin at a cache line.
    const std::int64_t unit = kind_ == DeviceKind::cuda ? 512 : 64;
    bytes_ += (bytes + unit - 1) / unit * unit;
    return {Buffer(), place_};
  }
  void upload(void*, const void*, std::int64_t) override {}
  void clear(void*, std::int64_t) override {}
  void wait() override {}

  // Nothing is computed or read here.
  void download(void*, const void*, std::int64_t) override { never(); }
  Operations& operations() override { never(); }

 private:
  [[noreturn]] static void never() {
    fail(Status::internal, "a SizingDevice was asked to compute");
  }

  DeviceKind kind_;
  std::int64_t bytes_ = 0;
  // Not null, as pointers into buffers are formed.
  alignas(64) std::byte place_[64]{};
};

}  // namespace vae::engine
