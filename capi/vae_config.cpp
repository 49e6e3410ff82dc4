// The exports of vae.h's group "config".
#include "convert.hpp"
#include "guard.hpp"
#include "sized.hpp"

using namespace vae::capi;

vae_status vae_config_validate(const vae_config* config) {
  return guard(__func__, [&] { vae::validate(read_config(config)); });
}

vae_status vae_config_memory(const vae_config* config, uint64_t* host_bytes,
                             uint64_t* device_bytes) {
  return guard(__func__, [&] {
    if (host_bytes == nullptr && device_bytes == nullptr)
      refuse(vae::Status::argument,
             "host_bytes and device_bytes are NULL; nothing is asked for");
    const vae::Memory memory = vae::memory(read_config(config));
    if (host_bytes != nullptr) *host_bytes = memory.host_bytes;
    if (device_bytes != nullptr) *device_bytes = memory.device_bytes;
  });
}

vae_status vae_config_from_json(vae_config* config, const char* json) {
  return guard(__func__, [&] {
    check_writable(config);
    need(json, "json");
    write(config, to_c(vae::config_from_json(json)));
  });
}

vae_status vae_config_to_json(const vae_config* config, char* text,
                              uint64_t capacity, uint64_t* needed) {
  return guard(__func__, [&] {
    const vae::Config valid = read_config(config);
    vae::validate(valid);
    write_text(vae::to_json(valid), text, capacity, needed);
  });
}

vae_status vae_config_from_file(vae_config* config, const char* path) {
  return guard(__func__, [&] {
    check_writable(config);
    need(path, "path");
    write(config, to_c(vae::config_from_file(path)));
  });
}
