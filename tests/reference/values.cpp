// Reads stored values. See values.hpp.
#include "reference/values.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/check.hpp"

namespace vae::reference {
namespace {

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float v : values) most = std::max(most, std::abs(double{v}));
  return most;
}

std::vector<std::int64_t> integers(const io::Tensor& tensor) {
  std::vector<std::int64_t> values(tensor.data.size() / sizeof(std::int64_t));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

}  // namespace

std::vector<std::byte> stored_bytes(const std::string& name) {
  const std::string path = VAE_REFERENCE_VALUES "/" + name + ".safetensors";
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot open " + path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::string difference(const std::vector<float>& expected,
                       const std::vector<float>& got, Tolerance tolerance) {
  if (expected.size() != got.size())
    return join(got.size(), " values instead of ", expected.size());
  const double allowed =
      tolerance.absolute + tolerance.relative * largest(expected);
  std::size_t worst = 0;
  double error = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double e = std::abs(double{expected[i]} - double{got[i]});
    // Written so that a NaN is the worst of all.
    if (e <= error) continue;
    worst = i;
    error = e;
    if (std::isnan(e)) break;
  }
  if (error <= allowed) return {};
  return join("element ", worst, " is ", got[worst], " instead of ",
              expected[worst], ": off by ", error, ", allowed ", allowed);
}

Values::Values(const std::string& name)
    : file_(io::read_safetensors(stored_bytes(name), name)) {}

Config Values::config() const {
  return config_from_json(file_.metadata.at("config"));
}

bool Values::has(const std::string& name) const {
  return file_.tensors.contains(name) || file_.tensors.contains(name + "/sums");
}

const io::Tensor& Values::tensor(const std::string& name) const {
  const auto found = file_.tensors.find(name);
  if (found == file_.tensors.end())
    throw std::runtime_error("no stored value " + name);
  return found->second;
}

std::vector<float> Values::floats(const std::string& name) const {
  return io::to_float(tensor(name), name, "the stored values");
}

const std::vector<std::int64_t>& Values::shape(const std::string& name) const {
  return tensor(name).shape;
}

std::vector<std::uint8_t> Values::images() const {
  const io::Tensor& images = tensor("images");
  std::vector<std::uint8_t> pixels(images.data.size());
  std::memcpy(pixels.data(), images.data.data(), pixels.size());
  return pixels;
}

std::uint64_t Values::batch() const {
  return static_cast<std::uint64_t>(shape("images").at(0));
}

std::string Values::difference(const std::string& name,
                               const std::vector<float>& got,
                               Tolerance tolerance) const {
  const std::string text =
      file_.tensors.contains(name)
          ? reference::difference(floats(name), got, tolerance)
          : digest_difference(name, got, tolerance);
  return text.empty() ? text : name + ": " + text;
}

std::string Values::digest_difference(const std::string& name,
                                      const std::vector<float>& got,
                                      Tolerance tolerance) const {
  const std::vector<float> sums = floats(name + "/sums");
  double sum = 0, squares = 0;
  for (const float v : got) {
    sum += double{v};
    squares += double{v} * double{v};
  }
  // Errors of root mean square r move the sum by at most n r and the sum of
  // squares by at most 2 r sqrt(n squares) (Cauchy and Schwarz).
  const auto n = static_cast<double>(got.size());
  const double e = tolerance.absolute + tolerance.relative * largest(got);
  const double r = e * tolerance.typical;
  const double rounding = 1e-7;  // the sums themselves are stored as float
  const double sum_error = std::abs(sum - double{sums[0]});
  const double square_error = std::abs(squares - double{sums[1]});
  if (!(sum_error <= n * r + rounding * std::abs(sum)))
    return join("sum is ", sum, " instead of ", sums[0]);
  if (!(square_error <= 2 * r * std::sqrt(n * squares) + rounding * squares))
    return join("sum of squares is ", squares, " instead of ", sums[1]);

  std::vector<float> chosen;
  for (const std::int64_t at : integers(tensor(name + "/at")))
    chosen.push_back(got.at(static_cast<std::size_t>(at)));
  return reference::difference(floats(name + "/elements"), chosen, {0, e});
}

}  // namespace vae::reference
