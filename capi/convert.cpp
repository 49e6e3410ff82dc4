// Views, metrics and texts between vae.h and the C++ API.
#include "convert.hpp"

#include <algorithm>
#include <cstring>

#include "guard.hpp"
#include "sized.hpp"

namespace vae::capi {
namespace {

static_assert(static_cast<int>(ElementType::uint8) == VAE_UINT8);
static_assert(static_cast<int>(ElementType::float32) == VAE_FLOAT32);
static_assert(static_cast<int>(ElementType::int64) == VAE_INT64);
static_assert(static_cast<int>(Layout::chw) == VAE_CHW);
static_assert(static_cast<int>(Layout::hwc) == VAE_HWC);

template <class View>
void check_view(const View& view, const char* parameter) {
  check_choice(parameter, "dtype", view.dtype,
               {{VAE_UINT8, "VAE_UINT8"}, {VAE_FLOAT32, "VAE_FLOAT32"}});
  check_choice(parameter, "layout", view.layout,
               {{VAE_CHW, "VAE_CHW"}, {VAE_HWC, "VAE_HWC"}});
  check_choice(parameter, "device", view.device,
               {{VAE_CPU, "VAE_CPU"}, {VAE_CUDA, "VAE_CUDA"}});
  if (!view.data) refuse(Status::argument, parameter, ".data is NULL");
}

void no_condition(const char* parameter, const char* field, const void* value) {
  if (value)
    refuse(Status::unsupported, parameter, ".", field,
           " is set; conditional models are not supported; it must be NULL");
}

}  // namespace

void check_choice(const char* where, const char* field, std::int32_t value,
                  std::initializer_list<Choice> allowed) {
  std::ostringstream list;
  for (const Choice& choice : allowed) {
    if (choice.value == value) return;
    list << (list.tellp() > 0 ? ", " : "") << choice.value << " ("
         << choice.name << ")";
  }
  refuse(Status::argument, where, *where ? "." : "", field, " is ", value,
         "; allowed are ", list.str());
}

Labelled read_labelled(const vae_batch* given, const char* parameter) {
  const vae_batch b = read(given, parameter);
  check_view(b, parameter);
  no_condition(parameter, "condition", b.condition);
  Batch batch{b.data,
              b.bytes,
              b.count,
              static_cast<ElementType>(b.dtype),
              static_cast<Layout>(b.layout),
              static_cast<DeviceKind>(b.device),
              b.stream};
  if (!b.labels) return {batch, {}};
  return {batch, {b.labels, b.count}};
}

Batch read_batch(const vae_batch* batch, const char* parameter) {
  const Labelled all = read_labelled(batch, parameter);
  no_condition(parameter, "labels", all.labels.data());
  return all.batch;
}

Sampling read_sampling(const vae_sampling* sampling) {
  const vae_sampling s = read(sampling, "sampling");
  if (s.reserved != 0)
    refuse(Status::argument, "sampling.reserved is ", s.reserved,
           "; it must be 0");
  no_condition("sampling", "labels", s.labels);
  no_condition("sampling", "condition", s.condition);
  return {s.count, s.seed, s.first, s.temperature};
}

Shape read_shape(const std::uint32_t* shape_chw) {
  need(shape_chw, "shape_chw");
  return {shape_chw[0], shape_chw[1], shape_chw[2]};
}

OutputBuffer::OutputBuffer(vae_output* output, const char* parameter)
    : output_(output) {
  const vae_output o = read<vae_output>(output, parameter);
  check_view(o, parameter);
  view_ = {o.data,
           o.bytes,
           0,
           static_cast<ElementType>(o.dtype),
           static_cast<Layout>(o.layout),
           static_cast<DeviceKind>(o.device),
           o.stream};
}

void OutputBuffer::commit() { output_->written = view_.written; }

void check_metrics(const vae_metrics* metrics, std::uint32_t latent) {
  const vae_metrics m = read(metrics, "metrics");
  const std::uint64_t needed = std::uint64_t{latent} * sizeof(double);
  if (m.kl_per_dim && m.kl_bytes < needed)
    refuse(Status::too_small, "metrics.kl_bytes is ", m.kl_bytes,
           "; needed: ", needed, " for ", latent, " latent dimensions");
}

void write_metrics(vae_metrics* metrics, const Metrics& from) {
  vae_metrics m = read<vae_metrics>(metrics, "metrics");
  m.active_units = from.active_units;
  m.steps = from.steps;
  m.images = from.images;
  m.skipped_steps = from.skipped_steps;
  m.nonfinite_steps = from.nonfinite_steps;
  m.loss = from.loss;
  m.reconstruction = from.reconstruction;
  m.kl = from.kl;
  m.mse = from.mse;
  m.gradient_norm = from.gradient_norm;
  m.seconds = from.seconds;
  if (m.kl_per_dim)
    std::copy(from.kl_per_dim.begin(), from.kl_per_dim.end(), m.kl_per_dim);
  write(metrics, m);
}

vae_progress to_c(const Progress& from) {
  vae_progress p{};
  p.struct_size = sizeof p;
  p.phase = from.training ? VAE_PHASE_TRAIN : VAE_PHASE_EVALUATE;
  p.epoch = from.epoch;
  p.step = from.step;
  p.steps = from.steps;
  p.images = from.images;
  p.loss = from.loss;
  p.reconstruction = from.reconstruction;
  p.kl = from.kl;
  p.seconds = from.seconds;
  return p;
}

vae_param to_c(const ParamInfo& info) {
  vae_param p{};
  if (info.shape.size() > std::size(p.shape) ||
      info.name.size() >= sizeof p.name)
    refuse(Status::internal, "vae_param is too small for ", info.name);
  p.struct_size = sizeof p;
  p.dtype = static_cast<std::int32_t>(info.type);
  p.rank = static_cast<std::uint32_t>(info.shape.size());
  p.trainable = info.trainable;
  std::copy(info.shape.begin(), info.shape.end(), p.shape);
  p.elements = info.elements;
  info.name.copy(p.name, info.name.size());
  return p;
}

void write_bytes(std::span<const std::byte> from, void* to,
                 std::uint64_t capacity, std::uint64_t* needed) {
  if (!to && !needed)
    refuse(Status::argument, "both the buffer and needed are NULL");
  if (!to && capacity > 0)
    refuse(Status::argument, "the buffer is NULL, but its capacity is ",
           capacity, "; ask for the size with capacity 0");
  if (needed) *needed = from.size();
  if (!to) return;
  if (capacity < from.size())
    refuse(Status::too_small, "capacity is ", capacity,
           " bytes; needed: ", from.size());
  std::memcpy(to, from.data(), from.size());
}

void write_text(const std::string& from, char* to, std::uint64_t capacity,
                std::uint64_t* needed) {
  write_bytes(std::as_bytes(std::span(from.c_str(), from.size() + 1)), to,
              capacity, needed);
}

}  // namespace vae::capi
