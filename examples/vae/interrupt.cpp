// The handler sets a flag and nothing else; training looks at it.
#include "interrupt.hpp"

#include <csignal>

namespace cli {

namespace {

volatile std::sig_atomic_t asked = 0;

void watch(int signal, int flags) {
  struct sigaction action {};
  if (sigaction(signal, nullptr, &action) != 0) return;
  if (action.sa_handler == SIG_IGN) return;
  action.sa_handler = [](int) { asked = 1; };
  // Restart: writing a file is not cut short by the first.
  action.sa_flags = flags | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void watch_interrupts() {
  // Reset: a second signal has the default effect.
  watch(SIGINT, static_cast<int>(SA_RESETHAND));
  watch(SIGTERM, static_cast<int>(SA_RESETHAND));
  // A closing terminal sends several, a closed pipe one for each line, and the
  // limit of processor time one each second: they must not end the saving.
  watch(SIGHUP, 0);
  watch(SIGPIPE, 0);
  watch(SIGXCPU, 0);
}

bool interrupted() noexcept { return asked != 0; }

void interrupt() noexcept { asked = 1; }

}  // namespace cli
