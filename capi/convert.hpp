// Converts between the structs of vae.h and the types of the C++ API.
// Enumerated values are checked here; checks that depend on the model are in
// the trainer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "vae.h"
#include "vae/vae.hpp"

namespace vae::capi {

struct Choice {
  std::int32_t value;
  const char* name;
};

/// Throws Error(argument) that names `where`.`field`, its value and the allowed
/// values.
void check_choice(const char* where, const char* field, std::int32_t value,
                  std::initializer_list<Choice> allowed);

/// Throws Error(version) unless `abi_version` is VAE_ABI_VERSION.
void check_abi(std::uint32_t abi_version);

vae_config to_c(const Config& config);
/// Reads a host's configuration without validating it.
Config read_config(const vae_config* config);
/// Checks size and version of an output configuration.
void check_writable(const vae_config* config);

/// Images or codes. Error(unsupported) if labels are set.
Batch read_batch(const vae_batch* batch, const char* parameter);
/// A batch that may have labels.
struct Labelled {
  Batch batch;
  std::span<const std::int32_t> labels;
};
Labelled read_labelled(const vae_batch* batch, const char* parameter);

Sampling read_sampling(const vae_sampling* sampling);

/// Three numbers: channels, height, width.
Shape read_shape(const std::uint32_t* shape_chw);

/// A host's output buffer: view() for the call, then commit() sets `written`.
class OutputBuffer {
 public:
  OutputBuffer(vae_output* output, const char* parameter);
  Output& view() { return view_; }
  void commit();

 private:
  vae_output* output_;
  Output view_;
};

/// The same for an output that may be NULL.
class OptionalOutput {
 public:
  OptionalOutput(vae_output* output, const char* parameter) {
    if (output) buffer_.emplace(output, parameter);
  }
  Output* view() { return buffer_ ? &buffer_->view() : nullptr; }
  void commit() {
    if (buffer_) buffer_->commit();
  }

 private:
  std::optional<OutputBuffer> buffer_;
};

/// Checks the host's struct and that `kl_per_dim` holds `latent` doubles.
void check_metrics(const vae_metrics* metrics, std::uint32_t latent);
void write_metrics(vae_metrics* metrics, const Metrics& from);

vae_progress to_c(const Progress& progress);
vae_param to_c(const ParamInfo& info);

/// Writes a result whose size the host asks for first (rule 6 of vae.h). Throws
/// Error(too_small), Error(argument).
void write_bytes(std::span<const std::byte> from, void* to,
                 std::uint64_t capacity, std::uint64_t* needed);
void write_text(const std::string& from, char* to, std::uint64_t capacity,
                std::uint64_t* needed);

}  // namespace vae::capi
