// Once a device has failed, nothing on it can be trusted or saved: every later
// call says so instead of computing on ruins. Destruction stays safe.
#pragma once

#include "base/check.hpp"

namespace vae::train {

class Health {
 public:
  /// Runs `work`; Error(poisoned) if a device failure came before. An
  /// Error(device) passes through and poisons.
  template <class Work>
  auto run(Work work) {
    require(!lost_, Status::poisoned,
            "this trainer's device failed earlier; destroy the trainer and "
            "load the last checkpoint");
    try {
      return work();
    } catch (const Error& error) {
      if (error.status() == Status::device) lost_ = true;
      throw;
    }
  }

 private:
  bool lost_ = false;
};

}  // namespace vae::train
