// Tensors by name, settings by key, and the trainer's part of diagnose().
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "base/limits.hpp"
#include "train/memory.hpp"
#include "train/trainer_impl.hpp"

namespace vae {
namespace {

// Counts pass through the API as doubles.
std::uint64_t checked_count(const char* name, double value) {
  require(value >= 0 && value <= double{kLargestCount} &&
              value == std::floor(value),
          Status::argument, name, " is ", value,
          "; allowed are whole numbers from 0 to 2^53");
  return static_cast<std::uint64_t>(value);
}

// Written so that NaN fails too.
double checked_rate(const char* name, double value) {
  require(value >= 0 && value <= kLargestFactor, Status::argument, name, " is ",
          value, "; allowed are 0 to ", kLargestFactor);
  return value;
}

// Too small is a status of its own: the caller can enlarge the buffer.
void check_size(const std::string& name, std::size_t given,
                std::size_t needed) {
  require(given >= needed, Status::too_small, "parameter ", name, ": ", given,
          " bytes given, ", needed, " needed");
  require(given == needed, Status::argument, "parameter ", name, ": ", given,
          " bytes given, but it has exactly ", needed);
}

[[noreturn]] void fail_key(Key key) {
  fail(Status::argument, "key is ", static_cast<std::int32_t>(key),
       "; allowed are 1 (learning rate), 2 (KL weight), 3 (step), 4 (updates), "
       "5 (epoch)");
}

}  // namespace

// All four arrays of a parameter have the same segment, in different buffers.
Trainer::Impl::Place Trainer::Impl::place(const std::string& name,
                                          ParamWhat what) {
  const int found = plan_.find(name);
  require(found >= 0, Status::argument, "this model has no parameter \"", name,
          "\"");
  const model::Entry entry = plan_.entries[static_cast<std::size_t>(found)];
  const engine::Layout& layout = engine_->layout();
  const auto at = static_cast<std::size_t>(entry.index);
  const auto bytes =
      static_cast<std::size_t>(plan_.tensor(entry).elements()) * sizeof(float);
  if (!entry.trainable) {
    require(what == ParamWhat::value, Status::argument, "\"", name,
            "\" is a running statistic; it has a value (1) only");
    return {&layout.running[at], engine::floats(state_.running), bytes};
  }
  const engine::Segment* segment = &layout.params[at];
  switch (what) {
    case ParamWhat::value:
      return {segment, engine::floats(state_.param), bytes};
    case ParamWhat::gradient:
      require(config.keep_gradients, Status::unsupported,
              "gradients can be read only if keep_gradients was set in the "
              "configuration");
      return {segment, engine::floats(state_.reduced), bytes};
    case ParamWhat::moment1:
      return {segment, engine::floats(state_.moment1), bytes};
    case ParamWhat::moment2:
      return {segment, engine::floats(state_.moment2), bytes};
  }
  fail(Status::argument, "what is ", static_cast<std::int32_t>(what),
       "; allowed are 1 (value), 2 (gradient), 3 (moment1), 4 (moment2)");
}

// The engine's order -> PyTorch's order
void Trainer::Impl::read_param(const std::string& name, ParamWhat what,
                               std::span<std::byte> data) {
  if (plan_.is_counter(name)) {
    require(what == ParamWhat::value, Status::argument, "\"", name,
            "\" is a counter; it has a value (1) only");
    const std::uint64_t updates = read_control().updates;
    check_size(name, data.size(), sizeof updates);
    std::memcpy(data.data(), &updates, sizeof updates);
    return;
  }
  const Place from = place(name, what);
  check_size(name, data.size(), from.bytes);
  std::vector<float> values =
      train::read_segment(*device_, *from.segment, from.buffer);
  // The buffer always has the gradient of the sum over images; the mean is
  // taken in the commit.
  if (what == ParamWhat::gradient && !config.sum_gradient)
    for (float& value : values) value /= last_batch_;
  std::memcpy(data.data(), values.data(), data.size());
}

// PyTorch's order -> the engine's order. Checked first, so that only finite
// values enter the state.
void Trainer::Impl::write_param(const std::string& name, ParamWhat what,
                                std::span<const std::byte> data) {
  require(what != ParamWhat::gradient, Status::argument,
          "gradients can be read but not written");
  require(!plan_.is_counter(name), Status::unsupported, "\"", name,
          "\" counts the updates; set those instead");
  const Place to = place(name, what);
  check_size(name, data.size(), to.bytes);
  std::vector<float> values(data.size() / sizeof(float));
  std::memcpy(values.data(), data.data(), data.size());
  const bool square = what == ParamWhat::moment2 || train::is_variance(name);
  const std::string bad = train::find_unusable(values, square);
  require(bad.empty(), Status::argument, "parameter ", name, ": ", bad);
  train::write_segment(*device_, *to.segment, values, to.buffer);
  engine_->params_changed();  // packed copies of weights are stale
}

void Trainer::Impl::set(Key key, double value) {
  switch (key) {
    case Key::learning_rate:
      config.learning_rate = checked_rate("learning rate", value);
      requested_.learning_rate = value;  // written to files
      return write_settings();
    case Key::kl_weight:
      config.kl_weight = checked_rate("KL weight", value);
      requested_.kl_weight = value;
      return write_settings();
    case Key::step:
      step_ = checked_count("step", value);
      return;
    case Key::updates:
      return write_updates(checked_count("updates", value));
    case Key::epoch:
      require(!in_epoch_, Status::busy,
              "the epoch cannot be set while one is under way");
      epoch_ = checked_count("epoch", value);
      position_ = 0;  // another epoch has another order
      return;
  }
  fail_key(key);
}

double Trainer::Impl::get(Key key) {
  switch (key) {
    case Key::learning_rate:
      return config.learning_rate;
    case Key::kl_weight:
      return config.kl_weight;
    case Key::step:
      return static_cast<double>(step_);
    case Key::updates:
      return static_cast<double>(read_control().updates);
    case Key::epoch:
      return static_cast<double>(epoch_);
  }
  fail_key(key);
}

// The trainer's own fields, those of its engine, and the resolved
// configuration.
std::string Trainer::Impl::diagnose() const {
  nlohmann::ordered_json json;
  // Through to_json(), which has the names of the engines.
  json["device"] = config.device == DeviceKind::cuda ? "cuda" : "cpu";
  json["device_index"] = device_->index();
  json["engine"] = nlohmann::ordered_json::parse(to_json(config))["engine"];
  json["threads"] = config.threads;
  json.update(nlohmann::ordered_json::parse(engine_->describe()));
  if (config.device == DeviceKind::cuda)
    json["peak_bytes"] = device_->peak_bytes();
  const std::string why = engine::why_no_cuda(config.device_index);
  if (!why.empty()) json["why_not_cuda"] = why;
  json["configuration"] = nlohmann::ordered_json::parse(to_json(config));
  return json.dump();
}

}  // namespace vae
