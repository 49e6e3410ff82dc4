// Ctrl-C and all else that asks a run to end. The first time it ends at the
// next step; a second Ctrl-C ends the process at once.
#pragma once

namespace cli {

/// From now on SIGINT, SIGTERM, SIGHUP, SIGPIPE and SIGXCPU are remembered
/// instead of ending the process. One that the caller has ignored stays so, as
/// `nohup` and a script's `&` want it.
void watch_interrupts();
bool interrupted() noexcept;
/// Acts as if a signal had come, after the reader of the output has closed it.
void interrupt() noexcept;

/// Exit code of a run that was interrupted, as shells use it.
inline constexpr int kExitInterrupted = 130;

}  // namespace cli
