// The handler only sets a flag, which the training loop reads.
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
  // SA_RESTART: the first signal does not interrupt the writing of a file.
  action.sa_flags = flags | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void watch_interrupts() {
  // SA_RESETHAND: a second signal has the default effect.
  watch(SIGINT, static_cast<int>(SA_RESETHAND));
  watch(SIGTERM, static_cast<int>(SA_RESETHAND));
  // Without SA_RESETHAND: a closing terminal sends several signals, a closed
  // pipe one per line, and the CPU time limit one per second. They must not
  // interrupt the saving.
  watch(SIGHUP, 0);
  watch(SIGPIPE, 0);
  watch(SIGXCPU, 0);
}

bool interrupted() noexcept { return asked != 0; }

void interrupt() noexcept { asked = 1; }

}  // namespace cli
