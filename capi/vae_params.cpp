// The exports of vae.h's group "params".
#include <algorithm>

#include "convert.hpp"
#include "guard.hpp"
#include "handles.hpp"
#include "sized.hpp"

using namespace vae::capi;

namespace {

static_assert(static_cast<int>(vae::ParamWhat::value) == VAE_VALUE);
static_assert(static_cast<int>(vae::ParamWhat::gradient) == VAE_GRADIENT);
static_assert(static_cast<int>(vae::ParamWhat::moment1) == VAE_MOMENT1);
static_assert(static_cast<int>(vae::ParamWhat::moment2) == VAE_MOMENT2);

vae::ParamWhat read_param_what(std::int32_t what) {
  check_choice("", "what", what,
               {{VAE_VALUE, "VAE_VALUE"},
                {VAE_GRADIENT, "VAE_GRADIENT"},
                {VAE_MOMENT1, "VAE_MOMENT1"},
                {VAE_MOMENT2, "VAE_MOMENT2"}});
  return static_cast<vae::ParamWhat>(what);
}

std::uint64_t size_of(const Claim& claim, const std::string& name) {
  const auto& params = claim->params();
  const auto found =
      std::find_if(params.begin(), params.end(),
                   [&](const auto& param) { return param.name == name; });
  if (found == params.end())
    refuse(vae::Status::argument, "name is \"", name,
           "\"; the model has tensors like \"", params.front().name,
           "\" (see vae_param_info)");
  return found->elements * vae::element_size(found->type);
}

}  // namespace

vae_status vae_param_count(vae_trainer* trainer, uint32_t* count) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    need(count, "count");
    *count = static_cast<std::uint32_t>(claim->params().size());
  });
}

vae_status vae_param_info(vae_trainer* trainer, uint32_t index,
                          vae_param* param) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    read(param, "param");
    const auto& params = claim->params();
    if (index >= params.size())
      refuse(vae::Status::argument, "index is ", index, "; allowed are 0 to ",
             params.size() - 1);
    write(param, to_c(params[index]));
  });
}

vae_status vae_param_read(vae_trainer* trainer, const char* name, int32_t what,
                          void* data, uint64_t bytes) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    need(name, "name");
    const vae::ParamWhat which = read_param_what(what);
    need(data, "data");
    const std::uint64_t size = size_of(claim, name);
    if (bytes < size)
      refuse(vae::Status::too_small, "bytes is ", bytes, "; needed: ", size,
             " for ", name);
    claim->read_param(name, which, {static_cast<std::byte*>(data), size});
  });
}

vae_status vae_param_write(vae_trainer* trainer, const char* name, int32_t what,
                           const void* data, uint64_t bytes) {
  return guard(__func__, [&] {
    const Claim claim(trainer, FromCallback::allowed);
    need(name, "name");
    const vae::ParamWhat which = read_param_what(what);
    need(data, "data");
    const std::uint64_t size = size_of(claim, name);
    if (bytes != size)
      refuse(vae::Status::argument, "bytes is ", bytes, "; ", name, " has ",
             size);
    claim->write_param(name, which,
                       {static_cast<const std::byte*>(data), size});
  });
}
