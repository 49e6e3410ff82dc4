// The one exception type that leaves libvae, and the status codes it carries.
// Codes are those of vae.h: they come in groups with gaps and are never
// renumbered. This is no logging facility; nothing here prints.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace vae {

/// What went wrong, in the groups of vae.h. The numbers are part of the ABI.
enum class Status : std::int32_t {
  ok = 0,
  argument = 100,     ///< a value is not allowed; the text says which are
  too_small = 101,    ///< a buffer is too small; the text says what is needed
  unsupported = 102,  ///< a valid wish that this build or engine cannot fulfil
  busy = 200,         ///< the object is in use by another call
  poisoned = 201,     ///< the device was lost; only destruction is possible
  memory = 300,       ///< host or device memory is exhausted
  device = 400,       ///< no such device, or the device failed
  file = 500,         ///< the operating system refused a file operation
  format = 510,       ///< a file's content is not what it should be
  version = 600,      ///< made for another version of the interface or format
  cancelled = 700,    ///< stopped on request; everything up to here counts
  nonfinite = 800,    ///< NaN or infinity in a step, which was not committed
  internal = 900,     ///< a defect of libvae itself
};

/// The name of a status as vae.h spells it ("VAE_E_ARGUMENT"); "unknown
/// status" for a number that has no name.
/// C: vae_status_name.
/// @param status Any number.
/// @return Never null, never to be freed.
const char* status_name(std::int32_t status) noexcept;

/// Thrown by every function of this interface that fails. The text names the
/// value seen and the values allowed; the object that threw is as it was.
/// C: vae_last_error.
class Error : public std::runtime_error {
 public:
  /// @param status What went wrong.
  /// @param text   The value seen and the values allowed.
  Error(Status status, const std::string& text)
      : std::runtime_error(text), status_(status) {}
  /// @return What went wrong.
  Status status() const noexcept { return status_; }

 private:
  Status status_;
};

}  // namespace vae
