// Ctrl-C. The first one asks for an end at the next step, a second one ends
// the process at once.
#pragma once

namespace cli {

/// From now on SIGINT and SIGTERM are remembered instead of ending the process.
void watch_interrupts();
bool interrupted() noexcept;

/// Exit code of a run that was interrupted, as shells use it.
inline constexpr int kExitInterrupted = 130;

}  // namespace cli
