// Between the structs of vae.h and the types of the C++ API. Choices are
// checked here, where a number becomes an enumeration; what needs to know the
// model is left to the trainer.
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

/// Throws Error(argument) naming `where`.`field`, its value and the allowed
/// ones.
void check_choice(const char* where, const char* field, std::int32_t value,
                  std::initializer_list<Choice> allowed);

/// Throws Error(version) for any number but VAE_ABI_VERSION.
void check_abi(std::uint32_t abi_version);

vae_config to_c(const Config& config);
/// Reads a host's configuration; not yet validated.
Config read_config(const vae_config* config);
/// Checks that `config` may be written to, before anything is done.
void check_writable(const vae_config* config);

/// Images or codes. Labels are refused.
Batch read_batch(const vae_batch* batch, const char* parameter);
/// A batch whose labels are wanted.
struct Labelled {
  Batch batch;
  std::span<const std::int32_t> labels;
};
Labelled read_labelled(const vae_batch* batch, const char* parameter);

Sampling read_sampling(const vae_sampling* sampling);

/// Three numbers: channels, height, width.
Shape read_shape(const std::uint32_t* shape_chw);

/// A host's room for results: view() for the call, commit() after it.
class Room {
 public:
  Room(vae_output* output, const char* parameter);
  Output& view() { return view_; }
  void commit();

 private:
  vae_output* output_;
  Output view_;
};

/// The same where NULL means "not wanted".
class OptionalRoom {
 public:
  OptionalRoom(vae_output* output, const char* parameter) {
    if (output) room_.emplace(output, parameter);
  }
  Output* view() { return room_ ? &room_->view() : nullptr; }
  void commit() {
    if (room_) room_->commit();
  }

 private:
  std::optional<Room> room_;
};

/// Checks the host's struct and its room for `latent` doubles.
void check_metrics(const vae_metrics* metrics, std::uint32_t latent);
void write_metrics(vae_metrics* metrics, const Metrics& from);

vae_progress to_c(const Progress& progress);
vae_param to_c(const ParamInfo& info);

/// Two-call results. Throws Error(too_small), Error(argument).
void write_bytes(std::span<const std::byte> from, void* to,
                 std::uint64_t capacity, std::uint64_t* needed);
void write_text(const std::string& from, char* to, std::uint64_t capacity,
                std::uint64_t* needed);

}  // namespace vae::capi
