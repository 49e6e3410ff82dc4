// Checks a configuration: each field by itself, then those that depend on each
// other. Devices and engines check later whether they support it.
#include "vae/config.hpp"

#include <utility>

#include "base/check.hpp"
#include "base/config_fields.hpp"

namespace vae {
namespace {

template <class T, class Value>
void check(const char* name, Closed<T> allowed, const Value& value) {
  // Written so that NaN fails too.
  require(value >= allowed.low && value <= allowed.high, Status::argument, name,
          " is ", value, "; allowed are ", allowed.low, " to ", allowed.high);
}

template <class T, class Value>
void check(const char* name, Below<T> allowed, const Value& value) {
  require(value >= allowed.low && value < allowed.high, Status::argument, name,
          " is ", value, "; allowed is ", allowed.low, " <= ", name, " < ",
          allowed.high);
}

// An enumeration may hold any number: it comes from C or from a cast.
template <class Value>
void check(const char* name, Unchecked, const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    const auto number = static_cast<std::int32_t>(value);
    const auto& names = Names<Value>::list;
    if (number >= 1 && std::cmp_less_equal(number, names.size())) return;
    std::string allowed;
    for (std::size_t i = 0; i < names.size(); ++i)
      allowed += join(i > 0 ? ", " : "", i + 1, " (", names[i], ")");
    fail(Status::argument, name, " is ", number, "; allowed are ", allowed);
  }
}

/// The fields that bound each other's sizes. The limit of pixels keeps every
/// index of an image in 32 bits, for which the engines' tables are made.
void check_shape(const Config& c) {
  const std::uint64_t pixels = std::uint64_t{c.channels} * c.height * c.width;
  require(pixels <= 1u << 24, Status::argument, "channels * height * width is ",
          pixels, "; allowed are at most ", 1u << 24);
  const bool conv = c.net == Net::conv;
  const std::size_t fewest = conv ? 2 : 1;
  require(c.layers.size() >= fewest && c.layers.size() <= 8, Status::argument,
          "layers has ", c.layers.size(), " entries; a ",
          conv ? "convolutional" : "dense", " net takes ", fewest, " to 8");
  const Closed<std::uint32_t> sizes{1, conv ? 4096u : 65536u};
  for (std::size_t i = 0; i < c.layers.size(); ++i)
    check(join("layers[", i, "]").c_str(), sizes, c.layers[i]);
}

/// A schedule that another setting makes meaningless is refused rather than
/// ignored.
void check_schedules(const Config& c) {
  if (c.schedule == Schedule::cosine)
    require(c.schedule_updates > c.warmup_updates, Status::argument,
            "schedule_updates is ", c.schedule_updates,
            "; with schedule \"cosine\" allowed are numbers above "
            "warmup_updates, which is ",
            c.warmup_updates);
  if (c.kl_cycle_updates != 0)
    require(
        c.kl_warmup_updates != 0 && c.kl_warmup_updates <= c.kl_cycle_updates,
        Status::argument, "kl_warmup_updates is ", c.kl_warmup_updates,
        "; with kl_cycle_updates ", c.kl_cycle_updates,
        " allowed are 1 to that");
}

}  // namespace

void validate(const Config& config) {
  for_each_field([&](Field field, auto allowed, auto member) {
    check(field.name, allowed, config.*member);
  });
  check_shape(config);
  check_schedules(config);
  require(config.samples == 1, Status::unsupported, "samples is ",
          config.samples, "; training draws 1 sample per image");
}

// What differs in a field of Scope::run (device, optimizer, batch size) does
// not change what the tensors of a file mean.
bool same_model(const Config& a, const Config& b) {
  bool same = true;
  for_each_field([&](Field field, auto, auto member) {
    if (field.scope == Scope::model) same = same && a.*member == b.*member;
  });
  return same;
}

}  // namespace vae
