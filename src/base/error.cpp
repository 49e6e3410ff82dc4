// Names of the status codes, spelled as in vae.h.
#include "vae/error.hpp"

namespace vae {

const char* status_name(std::int32_t status) noexcept {
  switch (static_cast<Status>(status)) {
    case Status::ok:
      return "VAE_OK";
    case Status::argument:
      return "VAE_E_ARGUMENT";
    case Status::too_small:
      return "VAE_E_TOO_SMALL";
    case Status::unsupported:
      return "VAE_E_UNSUPPORTED";
    case Status::busy:
      return "VAE_E_BUSY";
    case Status::poisoned:
      return "VAE_E_POISONED";
    case Status::memory:
      return "VAE_E_MEMORY";
    case Status::device:
      return "VAE_E_DEVICE";
    case Status::file:
      return "VAE_E_FILE";
    case Status::format:
      return "VAE_E_FORMAT";
    case Status::version:
      return "VAE_E_VERSION";
    case Status::cancelled:
      return "VAE_E_CANCELLED";
    case Status::nonfinite:
      return "VAE_E_NONFINITE";
    case Status::internal:
      return "VAE_E_INTERNAL";
  }
  return "unknown status";
}

}  // namespace vae
