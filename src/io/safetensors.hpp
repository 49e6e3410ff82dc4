// The safetensors format: named, typed, shaped tensors with a map of strings.
// The checkpoint defines what the names mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vae::io {

struct Tensor {
  std::string dtype;  // as in the format: "F32", "I64", "BF16", …
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;  // little-endian, row by row
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
};

/// Bytes per element of a type of the format; 0 for an unknown name. Types
/// below one byte are not supported.
std::uint64_t dtype_size(std::string_view dtype) noexcept;

/// The content of a file; equal input gives equal bytes. Tensors are in order
/// of decreasing element size, then of name, so that each is aligned.
/// Error(argument) if a tensor's size, shape and type disagree, or a text is
/// not UTF-8.
std::vector<std::byte> write_safetensors(const TensorFile& file);

/// Reads an untrusted file. Error(format) names `origin`, the problem and its
/// position. Memory use is proportional to the size of the file.
TensorFile read_safetensors(std::span<const std::byte> bytes,
                            const std::string& origin);

/// The elements as float32, from F32, F64, F16 or BF16; other types are an
/// Error(format) that names source and tensor. F64 beyond float's range becomes
/// infinite.
std::vector<float> to_float(const Tensor& tensor, const std::string& name,
                            const std::string& origin);

}  // namespace vae::io
