// The last error of each thread and the translation of exceptions.
#include "guard.hpp"

#include <pthread.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <new>

namespace vae::capi {
namespace {

// Fixed-size buffer: recording an error must not allocate.
constexpr std::size_t kTextBytes = 2048;
thread_local char last_text[kTextBytes] = "";

std::atomic<TestHook> test_hook{nullptr};

/// Whether a byte continues a UTF-8 sequence, where a text must not be cut.
bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u;
}

vae_status remember(Status status, const char* text) noexcept {
  static constexpr char kCut[] = "...";
  std::size_t length = std::strlen(text);
  const bool cut = length >= kTextBytes;
  if (cut) {
    length = kTextBytes - sizeof kCut;
    while (length > 0 && continues_character(text[length])) --length;
  }
  // memmove: `text` may be last_text itself.
  std::memmove(last_text, text, length);
  std::memcpy(last_text + length, cut ? kCut : "", cut ? sizeof kCut : 1);
  return static_cast<vae_status>(status);
}

}  // namespace

CancellationHeld::CancellationHeld() noexcept {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
}
CancellationHeld::~CancellationHeld() {
  pthread_setcancelstate(before_, nullptr);
}

const char* last_error() noexcept { return last_text; }

vae_status remember_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return remember(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return remember(Status::memory, "out of memory");
  } catch (const std::exception& error) {
    return remember(Status::internal, error.what());
  } catch (...) {
    return remember(Status::internal, "an exception of an unknown type");
  }
}

void set_test_hook(TestHook hook) noexcept { test_hook.store(hook); }

void run_test_hook(const char* function) {
  if (const TestHook hook = test_hook.load(std::memory_order_relaxed))
    hook(function);
}

}  // namespace vae::capi
