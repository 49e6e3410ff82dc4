// The one exception type that leaves libvae, and its status codes. The codes
// are those of vae.h: they come in groups with gaps and are never renumbered.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace vae {

/// Kind of failure, as in vae.h. The numbers are part of the ABI.
enum class Status : std::int32_t {
  ok = 0,
  argument = 100,     ///< a value is not allowed; the text names allowed ones
  too_small = 101,    ///< a buffer is too small; the text says what is needed
  unsupported = 102,  ///< valid, but not supported by this build or device
  busy = 200,         ///< the object is in use by another call
  poisoned = 201,     ///< unusable (see vae.h); it can only be destroyed
  memory = 300,       ///< host or device memory is exhausted
  device = 400,       ///< the device does not exist or has failed
  file = 500,         ///< the operating system refused a file operation
  format = 510,       ///< the content of a file is invalid
  version = 600,      ///< made for another version of the interface or format
  cancelled = 700,    ///< stopped on request; completed steps count
  nonfinite = 800,    ///< NaN or infinity in a step, which was not committed
  internal = 900,     ///< a bug in libvae
};

/// The name of a status as in vae.h ("VAE_E_ARGUMENT"); "unknown status" for an
/// unknown number.
/// C: vae_status_name.
/// @param status Any number.
/// @return A static string, never null.
const char* status_name(std::int32_t status) noexcept;

/// Thrown by every function of this interface that fails. The text names the
/// value seen and the values allowed. The object is unchanged.
/// C: vae_last_error.
class Error : public std::runtime_error {
 public:
  /// @param status Kind of failure.
  /// @param text   The value seen and the values allowed.
  Error(Status status, const std::string& text)
      : std::runtime_error(text), status_(status) {}
  /// @return Kind of failure.
  Status status() const noexcept { return status_; }

 private:
  Status status_;
};

}  // namespace vae
