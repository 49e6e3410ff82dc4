// See log.hpp. A mutex serialises setting and calling the callback, so it is
// never called after it was replaced.
#include "base/log.hpp"

#include <atomic>
#include <mutex>

#include "vae/about.hpp"

namespace vae {
namespace {

struct Sink {
  std::mutex mutex;
  LogFunction callback = nullptr;
  void* user = nullptr;
  std::atomic<std::int32_t> min_level{0};  // 0: no callback
};

// A local static is constructed before its first use, also if a constructor of
// another global object logs.
Sink& sink() {
  static Sink instance;
  return instance;
}

}  // namespace

void set_log_callback(LogFunction callback, void* user,
                      std::int32_t min_level) {
  require(callback == nullptr || (min_level >= 1 && min_level <= 3),
          Status::argument, "min_level is ", min_level,
          "; allowed are 1 (warnings), 2 (information), 3 (detail)");
  const std::lock_guard lock(sink().mutex);
  sink().callback = callback;
  sink().user = user;
  sink().min_level = callback == nullptr ? 0 : min_level;
}

// Without the mutex, so that a message nobody wants costs one load.
bool log_wanted(LogLevel level) noexcept {
  return static_cast<std::int32_t>(level) <= sink().min_level.load();
}

void log_text(LogLevel level, const std::string& text) {
  const std::lock_guard lock(sink().mutex);
  // The callback may have been removed since log_wanted().
  if (sink().callback == nullptr) return;
  sink().callback(static_cast<std::int32_t>(level), text.c_str(), sink().user);
}

}  // namespace vae
