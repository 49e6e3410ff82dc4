// The safetensors format and nothing else: named, typed, shaped tensors with a
// map of strings. What the names mean is the checkpoint's business.
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

/// Bytes per element of a type of the format, 0 for a name that it lacks. Types
/// below one byte are not known here.
std::uint64_t dtype_size(std::string_view dtype) noexcept;

/// The bytes of a file; the same content gives the same bytes. Tensors lie in
/// order of falling element size, then of name, so that each is aligned to its
/// elements. Error(argument) if a tensor's size, shape and type disagree, or a
/// text is not UTF-8.
std::vector<std::byte> write_safetensors(const TensorFile& file);

/// Reads as if hostile: Error(format) that says what is wrong and where.
/// `origin` names the source in error texts. Memory used is in proportion to
/// the bytes given.
TensorFile read_safetensors(std::span<const std::byte> bytes,
                            const std::string& origin);

/// The elements as float32; F32, F64, F16 and BF16 are understood, others are
/// an Error(format) that names source and tensor. F64 beyond float's range
/// becomes infinite.
std::vector<float> to_float(const Tensor& tensor, const std::string& name,
                            const std::string& origin);

}  // namespace vae::io
