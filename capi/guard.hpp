// The edge of the library: the one guard that every exported function runs in,
// and the last error of each thread. No exception passes it; nothing here knows
// what the functions do.
#pragma once

#include <sstream>
#include <string>

#include "vae.h"
#include "vae/error.hpp"

namespace vae::capi {

/// Turns the exception being handled into a status and this thread's last
/// error. Allocates nothing, so that it works when memory is exhausted.
vae_status remember_exception() noexcept;

/// The text of vae_last_error().
const char* last_error() noexcept;

/// Called at the start of every guarded function with its name; tests throw
/// from it. Not reachable through the shared library.
using TestHook = void (*)(const char* function);
void set_test_hook(TestHook hook) noexcept;
void run_test_hook(const char* function);

/// While it lives, pthread_cancel() of this thread waits: a cancelled write()
/// would unwind through catch (...), which ends the process.
class CancellationHeld {
 public:
  CancellationHeld() noexcept;
  ~CancellationHeld();
  CancellationHeld(const CancellationHeld&) = delete;
  CancellationHeld& operator=(const CancellationHeld&) = delete;

 private:
  int before_ = 0;
};

template <class Body>
vae_status guard(const char* function, Body&& body) noexcept {
  const CancellationHeld held;
  try {
    run_test_hook(function);
    body();
    return VAE_OK;
  } catch (...) {
    return remember_exception();
  }
}

template <class... Parts>
[[noreturn]] void refuse(Status status, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(status, text.str());
}

inline void need(const void* pointer, const char* name) {
  if (!pointer) refuse(Status::argument, name, " is NULL");
}

}  // namespace vae::capi
