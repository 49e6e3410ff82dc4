// The stored PyTorch values of one case (see make_reference.py): reads them and
// compares other values with them.
#pragma once

#include <string>
#include <vector>

#include "io/safetensors.hpp"
#include "vae/config.hpp"

namespace vae::reference {

/// Allowed difference from the stored values: `absolute` plus `relative` times
/// the largest magnitude of the tensor. If only a digest is stored, `typical`
/// is the allowed root mean square error, relative to that.
struct Tolerance {
  double relative = 0, absolute = 0, typical = 1;
};

class Values {
 public:
  /// The file `name`.safetensors among the stored ones.
  explicit Values(const std::string& name);

  const io::TensorFile& file() const { return file_; }
  /// The configuration in the file's metadata.
  Config config() const;
  bool has(const std::string& name) const;
  std::vector<float> floats(const std::string& name) const;
  const std::vector<std::int64_t>& shape(const std::string& name) const;
  std::vector<std::uint8_t> images() const;
  /// Images in the case's batch.
  std::uint64_t batch() const;

  /// Empty if `got` equals what is stored as `name` (all elements, or a digest
  /// of sums and eight elements), otherwise a sentence that names the worst
  /// element.
  std::string difference(const std::string& name, const std::vector<float>& got,
                         Tolerance tolerance) const;

 private:
  const io::Tensor& tensor(const std::string& name) const;
  std::string digest_difference(const std::string& name,
                                const std::vector<float>& got,
                                Tolerance tolerance) const;
  io::TensorFile file_;
};

/// The bytes of a stored file.
std::vector<std::byte> stored_bytes(const std::string& name);

/// As Values::difference, between two vectors.
std::string difference(const std::vector<float>& expected,
                       const std::vector<float>& got, Tolerance tolerance);

}  // namespace vae::reference
