// Linked in the flavour cpu instead of this directory's other files: the same
// functions, which report "built without CUDA".
#include "base/check.hpp"
#include "engine/device.hpp"
#include "engine/engine.hpp"

namespace vae::engine {

std::string why_no_cuda(int) {
  return "this libvae was built without CUDA (flavour cpu)";
}

std::unique_ptr<Device> make_cuda_device(int index) {
  fail(Status::device, "CUDA device ", index,
       " cannot be used: ", why_no_cuda(index));
}

std::int64_t own_products_bytes(const model::Plan&, const Layout&,
                                const Config&) {
  return 0;
}

std::string cuda_devices_json() { return "[]"; }

const char* flavour() noexcept { return "cpu"; }

}  // namespace vae::engine
