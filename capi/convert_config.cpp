// vae_config to Config and back.
#include <algorithm>

#include "config_fields.hpp"
#include "convert.hpp"
#include "guard.hpp"
#include "sized.hpp"

namespace vae::capi {
namespace {

/// A field of vae_config as the same field of Config: a choice, a switch, or a
/// number, which has the same type in both.
template <class From, class To>
void read_field(const char* name, From value, To& to) {
  if constexpr (std::is_enum_v<To>) {
    check_choice("config", name, value, kChoices<To>);
    to = static_cast<To>(value);
  } else if constexpr (std::is_same_v<To, bool>) {
    if (value != 0 && value != 1)
      refuse(Status::argument, "config.", name, " is ", value,
             "; allowed are 0 and 1");
    to = value == 1;
  } else {
    static_assert(std::is_same_v<From, To>);
    to = value;
  }
}

std::vector<std::uint32_t> read_layers(const vae_config& c) {
  if (c.layer_count > VAE_MAX_LAYERS)
    refuse(Status::argument, "config.layer_count is ", c.layer_count,
           "; allowed are at most ", VAE_MAX_LAYERS);
  for (std::uint32_t i = c.layer_count; i < VAE_MAX_LAYERS; ++i) {
    if (c.layers[i] != 0)
      refuse(Status::argument, "config.layers[", i, "] is ", c.layers[i],
             "; with layer_count ", c.layer_count, " it must be 0");
  }
  return {c.layers, c.layers + c.layer_count};
}

}  // namespace

void check_abi(std::uint32_t abi_version) {
  if (abi_version != VAE_ABI_VERSION)
    refuse(Status::version, "abi_version is ", abi_version,
           "; this library has ", VAE_ABI_VERSION,
           " (compile the host with this library's vae.h)");
}

Config read_config(const vae_config* config) {
  const vae_config c = read(config, "config");
  check_abi(c.abi_version);
  if (c.condition_size != 0)
    refuse(Status::unsupported, "config.condition_size is ", c.condition_size,
           "; conditional models are not supported; it must be 0");
  Config to;
  for_each_field([&](const char* name, auto from_member, auto to_member) {
    read_field(name, c.*from_member, to.*to_member);
  });
  to.layers = read_layers(c);
  return to;
}

void check_writable(const vae_config* config) {
  check_abi(read(config, "config").abi_version);
}

vae_config to_c(const Config& from) {
  if (from.layers.size() > VAE_MAX_LAYERS)
    refuse(Status::internal, "a configuration has ", from.layers.size(),
           " layers");
  vae_config c{};
  c.struct_size = sizeof c;
  c.abi_version = VAE_ABI_VERSION;
  for_each_field([&](const char*, auto to_member, auto from_member) {
    using Type = std::remove_reference_t<decltype(c.*to_member)>;
    c.*to_member = static_cast<Type>(from.*from_member);
  });
  c.layer_count = static_cast<std::uint32_t>(from.layers.size());
  std::copy(from.layers.begin(), from.layers.end(), c.layers);
  return c;
}

}  // namespace vae::capi
