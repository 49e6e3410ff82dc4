// The safetensors format and nothing else: named, typed, shaped tensors with a
// map of strings. What the names mean is the checkpoint's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace vae::io {

struct Tensor {
  std::string dtype;  // as in the format: "F32", "I64", "BF16", …
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
};

/// The bytes of a file. The same content gives the same bytes.
std::vector<std::byte> write_safetensors(const TensorFile& file);

/// Reads as if hostile: Error(format) that says what is wrong and where.
/// `origin` names the source in error texts.
TensorFile read_safetensors(std::span<const std::byte> bytes,
                            const std::string& origin);

/// The elements as float32; F32, F64, F16 and BF16 are understood.
std::vector<float> to_float(const Tensor& tensor, const std::string& name);

}  // namespace vae::io
