// The handler sets a flag and nothing else; training looks at it.
#include "interrupt.hpp"

#include <csignal>

namespace cli {

namespace {
volatile std::sig_atomic_t asked = 0;
}

void watch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { asked = 1; };
  // Reset: a second signal has the default effect. Restart: writing a file is
  // not cut short by the first.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() noexcept { return asked != 0; }

}  // namespace cli
