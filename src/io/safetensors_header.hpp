// The JSON header of a safetensors file. Its form is checked here; the reader
// checks it against the data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vae::io {

struct TensorEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // in the data section
};

struct TensorHeader {
  std::map<std::string, std::string> metadata;
  std::vector<TensorEntry> entries;  // in file order, names unique
};

/// Error(format), naming `origin`, for anything but one JSON object of tensors
/// and at most one "__metadata__" of strings.
TensorHeader parse_tensor_header(std::string_view json,
                                 const std::string& origin);

/// Compact JSON, in the order given. Error(argument) if a text is not UTF-8.
std::string format_tensor_header(const TensorHeader& header);

}  // namespace vae::io
