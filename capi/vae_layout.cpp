// vae_layout(): sizes and offsets of the structs of vae.h as compiled, for
// bindings that declare the structs again.
#include <cstddef>
#include <string>

#include "convert.hpp"
#include "guard.hpp"

using namespace vae::capi;

namespace {

struct Row {
  const char* name;
  std::size_t first;   // size of a struct, offset of a field
  std::size_t second;  // alignment of a struct, size of a field
};

#define STRUCT(type) \
  { #type, sizeof(type), alignof(type) }
#define FIELD(type, name) \
  { #type "." #name, offsetof(type, name), sizeof(type::name) }

constexpr Row kRows[] = {
    // [fields: structs] by tools/fields/generate; do not edit
    STRUCT(vae_config),
    FIELD(vae_config, struct_size),
    FIELD(vae_config, abi_version),
    FIELD(vae_config, model),
    FIELD(vae_config, net),
    FIELD(vae_config, channels),
    FIELD(vae_config, height),
    FIELD(vae_config, width),
    FIELD(vae_config, latent),
    FIELD(vae_config, layer_count),
    FIELD(vae_config, condition_size),
    FIELD(vae_config, layers),
    FIELD(vae_config, likelihood),
    FIELD(vae_config, sum_gradient),
    FIELD(vae_config, gaussian_sigma),
    FIELD(vae_config, kl_weight),
    FIELD(vae_config, learning_rate),
    FIELD(vae_config, beta1),
    FIELD(vae_config, beta2),
    FIELD(vae_config, epsilon),
    FIELD(vae_config, weight_decay),
    FIELD(vae_config, clip_norm),
    FIELD(vae_config, seed),
    FIELD(vae_config, max_batch),
    FIELD(vae_config, samples),
    FIELD(vae_config, threads),
    FIELD(vae_config, keep_gradients),
    FIELD(vae_config, device),
    FIELD(vae_config, device_index),
    FIELD(vae_config, precision),
    FIELD(vae_config, engine),
    FIELD(vae_config, nonfinite),
    FIELD(vae_config, deterministic),
    FIELD(vae_config, graph),
    FIELD(vae_config, graph_steps),
    FIELD(vae_config, optimizer),
    FIELD(vae_config, schedule),
    FIELD(vae_config, schedule_floor),
    FIELD(vae_config, schedule_updates),
    FIELD(vae_config, warmup_updates),
    FIELD(vae_config, kl_warmup_updates),
    FIELD(vae_config, kl_cycle_updates),
    STRUCT(vae_batch),
    FIELD(vae_batch, struct_size),
    FIELD(vae_batch, dtype),
    FIELD(vae_batch, data),
    FIELD(vae_batch, bytes),
    FIELD(vae_batch, count),
    FIELD(vae_batch, device),
    FIELD(vae_batch, layout),
    FIELD(vae_batch, stream),
    FIELD(vae_batch, labels),
    FIELD(vae_batch, condition),
    STRUCT(vae_output),
    FIELD(vae_output, struct_size),
    FIELD(vae_output, dtype),
    FIELD(vae_output, data),
    FIELD(vae_output, bytes),
    FIELD(vae_output, written),
    FIELD(vae_output, device),
    FIELD(vae_output, layout),
    FIELD(vae_output, stream),
    STRUCT(vae_metrics),
    FIELD(vae_metrics, struct_size),
    FIELD(vae_metrics, active_units),
    FIELD(vae_metrics, steps),
    FIELD(vae_metrics, images),
    FIELD(vae_metrics, skipped_steps),
    FIELD(vae_metrics, nonfinite_steps),
    FIELD(vae_metrics, loss),
    FIELD(vae_metrics, reconstruction),
    FIELD(vae_metrics, kl),
    FIELD(vae_metrics, mse),
    FIELD(vae_metrics, gradient_norm),
    FIELD(vae_metrics, seconds),
    FIELD(vae_metrics, kl_per_dim),
    FIELD(vae_metrics, kl_bytes),
    STRUCT(vae_progress),
    FIELD(vae_progress, struct_size),
    FIELD(vae_progress, phase),
    FIELD(vae_progress, epoch),
    FIELD(vae_progress, step),
    FIELD(vae_progress, steps),
    FIELD(vae_progress, images),
    FIELD(vae_progress, loss),
    FIELD(vae_progress, reconstruction),
    FIELD(vae_progress, kl),
    FIELD(vae_progress, seconds),
    STRUCT(vae_run),
    FIELD(vae_run, struct_size),
    FIELD(vae_run, every_steps),
    FIELD(vae_run, batch_size),
    FIELD(vae_run, max_steps),
    FIELD(vae_run, progress),
    FIELD(vae_run, user),
    STRUCT(vae_sampling),
    FIELD(vae_sampling, struct_size),
    FIELD(vae_sampling, reserved),
    FIELD(vae_sampling, count),
    FIELD(vae_sampling, seed),
    FIELD(vae_sampling, first),
    FIELD(vae_sampling, temperature),
    FIELD(vae_sampling, labels),
    FIELD(vae_sampling, condition),
    STRUCT(vae_param),
    FIELD(vae_param, struct_size),
    FIELD(vae_param, dtype),
    FIELD(vae_param, rank),
    FIELD(vae_param, trainable),
    FIELD(vae_param, shape),
    FIELD(vae_param, elements),
    FIELD(vae_param, name),
    // [end of structs]
};

#undef FIELD
#undef STRUCT

}  // namespace

vae_status vae_layout(char* text, uint64_t capacity, uint64_t* needed) {
  return guard(__func__, [&] {
    std::string lines;
    for (const Row& row : kRows)
      lines += std::string(row.name) + ' ' + std::to_string(row.first) + ' ' +
               std::to_string(row.second) + '\n';
    write_text(lines, text, capacity, needed);
  });
}
