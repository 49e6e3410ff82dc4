// The guard that every exported function runs in, and the last error of each
// thread. No exception passes the guard.
#pragma once

#include <sstream>
#include <string>

#include "vae.h"
#include "vae/error.hpp"

namespace vae::capi {

/// Stores the current exception as this thread's last error and returns its
/// status. Does not allocate, so it works when memory is exhausted.
vae_status remember_exception() noexcept;

/// The text of vae_last_error().
const char* last_error() noexcept;

/// Called with the function's name at the start of every guarded function;
/// tests throw from it. The shared library does not export it.
using TestHook = void (*)(const char* function);
void set_test_hook(TestHook hook) noexcept;
void run_test_hook(const char* function);

/// Disables pthread_cancel() of this thread for a scope. Cancellation unwinds
/// the stack, and a catch (...) that does not rethrow it ends the process.
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
