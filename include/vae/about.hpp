// Version, build and devices of the library, and its log.
#pragma once

#include <cstdint>
#include <string>

namespace vae {

/// "1.2.3", of this library.
/// C: vae_version.
/// @return A static string, never null.
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

/// Receives log messages (level 1 warning, 2 information, 3 detail) on any
/// thread that calls the library. `text` is valid during the callback.
using LogFunction = void (*)(std::int32_t level, const char* text, void* user);
/// Sets the log callback of the process.
/// C: vae_set_log_callback.
/// @param callback  Null, the default, turns logging off.
/// @param user      Passed to `callback`.
/// @param min_level The least important level that is reported: 1 reports only
///                  warnings, 3 everything.
void set_log_callback(LogFunction callback, void* user, std::int32_t min_level);

}  // namespace vae
