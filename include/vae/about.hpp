// What this library is and what it found on this machine.
#pragma once

#include <cstdint>
#include <string>

namespace vae {

/// "1.2.3", of this library.
const char* version() noexcept;

/// JSON: version, compiler, flavour (cpu or cuda), LibTorch built against and
/// loaded, instruction set.
std::string build_info();

/// JSON: build_info, plus each device and whether it can be used, and if not,
/// why (built without CUDA, no driver, capability too low, …).
std::string diagnose();

/// Told of noteworthy events (level 1 warning, 2 information, 3 detail). One
/// for the process; null turns it off, which is the default. May be called
/// from any thread that calls the library.
using LogFunction = void (*)(std::int32_t level, const char* text, void* user);
void set_log_callback(LogFunction callback, void* user, std::int32_t min_level);

}  // namespace vae
