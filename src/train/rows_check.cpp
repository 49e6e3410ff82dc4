// See rows_check.hpp.
#include "train/rows_check.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.hpp"

namespace vae::train {
namespace {

const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return "uint8";
    case ElementType::float32:
      return "float32";
    case ElementType::int64:
      return "int64";
  }
  return "unknown";
}

std::uint64_t bytes_needed(const RowRule& rule, std::uint64_t count,
                           ElementType type) {
  const std::uint64_t row = rule.elements * element_size(type);
  require(count <= std::numeric_limits<std::uint64_t>::max() / row,
          Status::argument, rule.what, ": count is ", count,
          ", more than memory can hold");
  return count * row;
}

void check_type(ElementType type, const RowRule& rule) {
  const bool good = type == ElementType::float32 ||
                    (type == ElementType::uint8 && rule.bytes_allowed);
  require(
      good, Status::argument, rule.what, ": element type is ",
      static_cast<std::int32_t>(type), " (", name_of(type), "); allowed ",
      rule.bytes_allowed ? "are 1 (uint8) and 2 (float32)" : "is 2 (float32)");
}

void check_place(DeviceKind where, vae::Layout layout, DeviceKind device,
                 const char* what) {
  require(layout == vae::Layout::chw || layout == vae::Layout::hwc,
          Status::argument, what, ": layout is ",
          static_cast<std::int32_t>(layout), "; allowed are 1 (chw), 2 (hwc)");
  require(where == DeviceKind::cpu || where == DeviceKind::cuda,
          Status::argument, what, ": device is ",
          static_cast<std::int32_t>(where), "; allowed are 1 (cpu), 2 (cuda)");
  require(where == DeviceKind::cpu || device == DeviceKind::cuda,
          Status::argument, what,
          " lie on a CUDA device, but this trainer runs on the CPU");
}

/// With enough digits to identify the value: 1.0000001, not 1.
std::string exact_text(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

void check_values(const Batch& batch, const RowRule& rule) {
  const auto* values = static_cast<const float*>(batch.data);
  const std::uint64_t total = batch.count * rule.elements;
  for (std::uint64_t i = 0; i < total; ++i) {
    const float value = values[i];
    // NaN fails both comparisons.
    const bool good =
        rule.unit_range ? value >= 0.0f && value <= 1.0f : std::isfinite(value);
    if (good) continue;
    fail(Status::argument, rule.what, ": element ", i % rule.elements,
         " of row ", i / rule.elements, " is ", exact_text(value),
         "; allowed are ",
         rule.unit_range ? "numbers from 0 to 1" : "finite numbers");
  }
}

}  // namespace

void check_rows(const Batch& batch, const RowRule& rule, DeviceKind device) {
  require(batch.data != nullptr, Status::argument, rule.what, ": data is null");
  require(batch.count > 0, Status::argument, rule.what,
          ": count is 0; at least 1 is needed");
  check_type(batch.type, rule);
  check_place(batch.device, batch.layout, device, rule.what);
  const std::uint64_t needed = bytes_needed(rule, batch.count, batch.type);
  require(batch.bytes >= needed, Status::too_small, rule.what, ": ",
          batch.bytes, " bytes given, but ", batch.count, " rows of ",
          rule.elements, " ", name_of(batch.type), " take ", needed);
  if (batch.type == ElementType::float32 && batch.device == DeviceKind::cpu)
    check_values(batch, rule);
}

std::uint64_t check_output(const Output& output, const RowRule& rule,
                           std::uint64_t count, DeviceKind device) {
  require(output.data != nullptr, Status::argument, rule.what,
          ": the output's data is null");
  check_type(output.type, rule);
  check_place(output.device, output.layout, device, rule.what);
  const std::uint64_t needed = bytes_needed(rule, count, output.type);
  require(output.bytes >= needed, Status::too_small, rule.what,
          ": the output buffer has ", output.bytes, " bytes, but ", count,
          " rows of ", rule.elements, " ", name_of(output.type), " take ",
          needed);
  return needed;
}

}  // namespace vae::train
