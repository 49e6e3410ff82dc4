// A device as the engines see it: memory, copies, a stream, and the recording
// of what is issued on it. Everything is ordered on the device's one stream;
// only download() and wait() make the host wait. What is computed there is not
// said here: that is operations.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/recorder.hpp"
#include "engine/state.hpp"
#include "vae/config.hpp"
#include "vae/rows.hpp"

namespace vae::engine {

/// Where rows lie. On the CPU there is no difference.
enum class Place {
  host,            // read or complete before the call returns
  callers_device,  // ordered with the caller's stream
  resident,        // ours, on the device already
};

/// Rows to be brought into the input buffer as float32 [count, H, W, C] in
/// [0, 1]. Either from row `first` on, in order; or, with a cursor, row i is
/// row order(position + i) of `data`.
struct RowSource {
  const void* data = nullptr;
  ElementType type = ElementType::float32;
  vae::Layout layout = vae::Layout::chw;
  Place place = Place::host;
  const Cursor* cursor = nullptr;  // on the device, of place resident
  std::uint64_t first = 0;
  std::int64_t count = 0;
  void* stream = nullptr;  // the caller's stream, of place callers_device
};

/// Where rows go: from float32 [count, H, W, C] to the caller's format.
struct RowTarget {
  void* data = nullptr;
  ElementType type = ElementType::float32;
  vae::Layout layout = vae::Layout::chw;
  Place place = Place::host;
  std::int64_t count = 0;
  void* stream = nullptr;
};

class Operations;

class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceKind kind() const = 0;
  virtual int index() const = 0;
  /// While it lives, this thread's work, ours and LibTorch's, goes to this
  /// device's stream. Operations need it, but for load and store; memory does
  /// without.
  class Scope {
   public:
    virtual ~Scope() = default;
  };
  virtual std::unique_ptr<Scope> enter() = 0;

  /// Zeroed memory; Error(memory) that names the size.
  virtual Buffer allocate(std::int64_t bytes) = 0;
  virtual void upload(void* to, const void* from, std::int64_t bytes) = 0;
  virtual void download(void* to, const void* from, std::int64_t bytes) = 0;
  virtual void clear(void* memory, std::int64_t bytes) = 0;
  virtual void wait() = 0;
  /// Called before each piece of training: the host stays at most two ahead of
  /// the device.
  virtual void pace() {}
  /// Most bytes that were in use on the device so far; 0: not counted.
  virtual std::int64_t peak_bytes() const { return 0; }
  /// Records what is issued on this device's stream; null: it cannot.
  virtual std::unique_ptr<Capturer> make_capturer() { return nullptr; }
  /// Element-wise work on this device's memory (operations.hpp).
  virtual Operations& operations() = 0;

  using UseRows =
      std::function<void(const RowSource& piece, std::int64_t done)>;
  /// Makes a source's rows, of `row_bytes` each, readable for work on this
  /// device: use(piece, done) issues it for rows [done, done + piece.count),
  /// once or, where rows of the host are copied, for one piece after the other.
  /// Here: the rows are readable where they lie.
  virtual void read_rows(const RowSource& from, std::int64_t /*row_bytes*/,
                         const UseRows& use) {
    use(from, 0);
  }
  using FillRows = std::function<void(void* memory)>;
  /// The same for a target: fill(memory) issues the work that writes all of its
  /// rows, which then are brought to where the target wants them.
  virtual void write_rows(const RowTarget& to, std::int64_t /*row_bytes*/,
                          const FillRows& fill) {
    fill(to.data);
  }
};

/// `threads` > 0.
std::unique_ptr<Device> make_cpu_device(int threads);

/// Error(device) that says why there is none: built without CUDA, no driver, no
/// such index, capability too low, LibTorch without CUDA.
std::unique_ptr<Device> make_cuda_device(int index);

/// The same as a sentence; empty if device `index` can be used.
std::string why_no_cuda(int index);
/// JSON array of the CUDA devices that were found; "[]" in the cpu flavour.
std::string cuda_devices_json();
/// "cpu" or "cuda": what this library was built as.
const char* flavour() noexcept;

}  // namespace vae::engine
