// Ctrl-C and other signals that stop a run. The first stops it after the
// current step; a second Ctrl-C ends the process at once.
#pragma once

namespace cli {

/// Installs handlers for SIGINT, SIGTERM, SIGHUP, SIGPIPE and SIGXCPU that set
/// a flag. Signals that the caller ignores stay ignored, as `nohup` and a
/// script's
/// `&` expect.
void watch_interrupts();
bool interrupted() noexcept;
/// Sets the flag without a signal, for example if the reader closed the output.
void interrupt() noexcept;

/// Exit code of an interrupted run, as in shells.
inline constexpr int kExitInterrupted = 130;

}  // namespace cli
