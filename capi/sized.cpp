// Defaults of the structs of vae.h, and the exported init functions.
#include "sized.hpp"

#include "convert.hpp"
#include "vae/config.hpp"
#include "vae/trainer.hpp"

namespace vae::capi {
namespace {

constexpr std::uint32_t kLargest = 4096;

template <class T>
T blank() {
  T value{};
  value.struct_size = sizeof(T);
  return value;
}

}  // namespace

vae_config Sized<vae_config>::defaults() { return to_c(Config{}); }

vae_batch Sized<vae_batch>::defaults() {
  vae_batch batch = blank<vae_batch>();
  batch.dtype = VAE_FLOAT32;
  batch.device = VAE_CPU;
  batch.layout = VAE_CHW;
  return batch;
}

vae_output Sized<vae_output>::defaults() {
  vae_output output = blank<vae_output>();
  output.dtype = VAE_FLOAT32;
  output.device = VAE_CPU;
  output.layout = VAE_CHW;
  return output;
}

vae_metrics Sized<vae_metrics>::defaults() { return blank<vae_metrics>(); }

vae_run Sized<vae_run>::defaults() {
  const Run run;
  vae_run result = blank<vae_run>();
  result.every_steps = run.every_steps;
  result.batch_size = run.batch_size;
  result.max_steps = run.max_steps;
  return result;
}

vae_sampling Sized<vae_sampling>::defaults() {
  const Sampling sampling;
  vae_sampling result = blank<vae_sampling>();
  result.count = sampling.count;
  result.seed = sampling.seed;
  result.first = sampling.first;
  result.temperature = sampling.temperature;
  return result;
}

vae_param Sized<vae_param>::defaults() {
  vae_param param = blank<vae_param>();
  param.dtype = VAE_FLOAT32;
  return param;
}

void check_size(const char* name, std::uint32_t minimum, std::uint32_t known,
                std::uint32_t size) {
  if (size >= minimum && size <= kLargest && size % 8 == 0) return;
  refuse(Status::argument, "struct_size of ", name, " is ", size,
         "; allowed are multiples of 8 from ", minimum, " to ", kLargest,
         "; this library knows ", known, " (set it with the init function)");
}

void check_tail(const char* name, const void* given, std::uint32_t known,
                std::uint32_t size) {
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (std::uint32_t i = known; i < size; ++i) {
    if (bytes[i] == 0) continue;
    refuse(Status::version, name, " has ", size, " bytes and byte ", i,
           " is set, but this library (", VAE_ABI_VERSION, ") knows only ",
           known, "; what it does not know must be zero");
  }
}

}  // namespace vae::capi

using vae::capi::guard;
using vae::capi::init;

vae_status vae_config_init(vae_config* config, uint32_t struct_size,
                           uint32_t abi_version) {
  return guard(__func__, [&] {
    vae::capi::check_abi(abi_version);
    init(config, struct_size, "config");
  });
}

vae_status vae_batch_init(vae_batch* batch, uint32_t struct_size) {
  return guard(__func__, [&] { init(batch, struct_size, "batch"); });
}

vae_status vae_output_init(vae_output* output, uint32_t struct_size) {
  return guard(__func__, [&] { init(output, struct_size, "output"); });
}

vae_status vae_metrics_init(vae_metrics* metrics, uint32_t struct_size) {
  return guard(__func__, [&] { init(metrics, struct_size, "metrics"); });
}

vae_status vae_run_init(vae_run* run, uint32_t struct_size) {
  return guard(__func__, [&] { init(run, struct_size, "run"); });
}

vae_status vae_sampling_init(vae_sampling* sampling, uint32_t struct_size) {
  return guard(__func__, [&] { init(sampling, struct_size, "sampling"); });
}

vae_status vae_param_init(vae_param* param, uint32_t struct_size) {
  return guard(__func__, [&] { init(param, struct_size, "param"); });
}
