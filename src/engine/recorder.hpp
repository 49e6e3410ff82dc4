// Work that is the same each time, recorded once and then replayed: on CUDA a
// training step becomes one graph launch. Decides when to record and which
// recordings to keep; how it is done is a Capturer's business, and where there
// is none, everything simply runs.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "vae/config.hpp"

namespace vae::engine {

/// What a piece of work issues, ready to be issued again.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
  /// Kernels that one replay starts.
  virtual std::int64_t kernels() const = 0;
};

class Capturer {
 public:
  virtual ~Capturer() = default;
  /// Runs `work` without executing what it issues. Throws Error if something in
  /// it cannot be recorded; then nothing was executed and all is as before.
  virtual std::unique_ptr<Recording> capture(
      const std::function<void()>& work) = 0;
};

/// What a recording holds true for. Everything else that the work reads lies in
/// device memory at addresses that do not change.
struct WorkKey {
  std::string what;            // "train", "encode", …
  std::int64_t images = 0;     // of one step or call
  int steps = 1;               // in one replay
  const void* rows = nullptr;  // of a resident data set
  std::int32_t type = 0;       // their element type
  std::uint64_t first_image = 0;
  bool operator==(const WorkKey&) const = default;
};

class Recorder {
 public:
  /// A trainer has few sizes of batch: the usual one and the smaller last one.
  static constexpr std::size_t kKept = 4;

  /// `capturer` null: there is nothing to record with. Graph::on: failing to
  /// record is an error; otherwise the work then just runs.
  Recorder(std::unique_ptr<Capturer> capturer, Graph mode);

  /// Whether work is being recorded.
  bool records() const { return capturer_ != nullptr && refusal_.empty(); }
  /// The first time with a key the work runs (and LibTorch sets itself up), the
  /// second time it is recorded and replayed, then replayed alone.
  void run(const WorkKey& key, const std::function<void()>& work);
  /// What the work reads has moved: drop every recording.
  void forget();
  /// JSON for vae_diagnose: whether steps are recorded, why not, and what is.
  std::string describe() const;

 private:
  struct Entry {
    WorkKey key;
    std::unique_ptr<Recording> recording;  // null: has run once
  };
  std::unique_ptr<Recording> record(const std::function<void()>& work);

  std::unique_ptr<Capturer> capturer_;
  Graph mode_;
  std::string refusal_;       // why recording was given up; empty: it was not
  std::list<Entry> entries_;  // latest first
};

}  // namespace vae::engine
