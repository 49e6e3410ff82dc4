// Whether a trainer can still be used. It cannot after its device has failed,
// and not in a forked child: fork() copies memory but only one thread. Every
// later call then throws Error(poisoned).
#pragma once

#include <unistd.h>

#include <cstdint>

#include "base/check.hpp"

namespace vae::train {

class Health {
 public:
  /// Runs `work`. Error(poisoned) after an earlier device failure, or in
  /// another process than the one that created the trainer. An Error(device)
  /// from `work` is rethrown and poisons the trainer.
  template <class Work>
  auto run(Work work) {
    require(!elsewhere(), Status::poisoned, "this trainer belongs to process ",
            process_, "; process ", ::getpid(),
            " was forked from it and needs a trainer of its own");
    require(!lost_, Status::poisoned,
            "this trainer's device, or the commit of a step, failed earlier; "
            "destroy the trainer and load the last checkpoint");
    try {
      return work();
    } catch (const Error& error) {
      if (error.status() == Status::device) lost_ = true;
      throw;
    }
  }
  /// Runs the commit of a step. A failure poisons the trainer, because the
  /// commit may be half done.
  template <class Work>
  void commit(const Work& work) {
    try {
      work();
    } catch (...) {
      lost_ = true;
      throw;
    }
  }

  /// Whether this process was forked from the one that created the trainer.
  bool elsewhere() const { return ::getpid() != process_; }

 private:
  std::int64_t process_ = ::getpid();
  bool lost_ = false;
};

}  // namespace vae::train
