// What this library is and what it found on this machine.
#pragma once

#include <cstdint>
#include <string>

namespace vae {

/// "1.2.3", of this library.
/// C: vae_version.
/// @return Never null, never to be freed.
const char* version() noexcept;

/// JSON: version, compiler, flavour (cpu or cuda), LibTorch built against and
/// loaded, instruction set.
/// C: vae_build_info.
/// @return One JSON object.
std::string build_info();

/// JSON: build_info, plus each device and whether it can be used, and if not,
/// why (built without CUDA, no driver, capability too low, …).
/// C: vae_diagnose.
/// @return One JSON object.
std::string diagnose();

/// Told of noteworthy events (level 1 warning, 2 information, 3 detail), from
/// any thread that calls the library. `text` is valid during the call.
using LogFunction = void (*)(std::int32_t level, const char* text, void* user);
/// Who is told of noteworthy events: one for the process.
/// C: vae_set_log_callback.
/// @param callback  Null, the default, turns it off.
/// @param user      Handed to `callback`.
/// @param min_level How noteworthy an event must at least be: with 1 only
///                  warnings are told, with 3 everything.
void set_log_callback(LogFunction callback, void* user, std::int32_t min_level);

}  // namespace vae
