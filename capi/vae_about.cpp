// The exports of vae.h's groups "about" and "status".
#include "convert.hpp"
#include "guard.hpp"
#include "handles.hpp"

using namespace vae::capi;

vae_status vae_write_grid(const char* path, const vae_batch* images,
                          const uint32_t* shape_chw, uint32_t columns) {
  return guard(__func__, [&] {
    need(path, "path");
    vae::write_grid(path, read_batch(images, "images"), read_shape(shape_chw),
                    columns);
  });
}

vae_status vae_write_array(const char* path, const void* data, uint64_t bytes,
                           int32_t dtype, const uint64_t* shape,
                           uint32_t rank) {
  return guard(__func__, [&] {
    need(path, "path");
    need(data, "data");
    need(shape, "shape");
    check_choice("", "dtype", dtype,
                 {{VAE_UINT8, "VAE_UINT8"},
                  {VAE_FLOAT32, "VAE_FLOAT32"},
                  {VAE_INT64, "VAE_INT64"}});
    vae::write_array(path, {static_cast<const std::byte*>(data), bytes},
                     static_cast<vae::ElementType>(dtype), {shape, rank});
  });
}

vae_status vae_build_info(char* text, uint64_t capacity, uint64_t* needed) {
  return guard(__func__,
               [&] { write_text(vae::build_info(), text, capacity, needed); });
}

vae_status vae_diagnose(vae_trainer* trainer_or_null, char* text,
                        uint64_t capacity, uint64_t* needed) {
  return guard(__func__, [&] {
    if (!trainer_or_null)
      return write_text(vae::diagnose(), text, capacity, needed);
    const Claim claim(trainer_or_null, FromCallback::allowed);
    write_text(claim->diagnose(), text, capacity, needed);
  });
}

vae_status vae_set_log_callback(vae_log_fn callback, void* user,
                                int32_t min_level) {
  return guard(__func__, [&] {
    if (callback)
      check_choice("", "min_level", min_level,
                   {{VAE_LOG_WARNING, "VAE_LOG_WARNING"},
                    {VAE_LOG_INFO, "VAE_LOG_INFO"},
                    {VAE_LOG_DETAIL, "VAE_LOG_DETAIL"}});
    vae::set_log_callback(callback, user, min_level);
  });
}

const char* vae_status_name(vae_status status) {
  return vae::status_name(status);
}

const char* vae_last_error(void) { return last_error(); }

const char* vae_version(void) { return vae::version(); }

uint32_t vae_abi_version(void) { return VAE_ABI_VERSION; }
