// Draws initial values. See init.hpp.
#include "model/init.hpp"

#include <cmath>

#include "base/rng.hpp"

namespace vae::model {

std::vector<float> initial_param(const Plan& plan, int index,
                                 std::uint64_t seed) {
  const Tensor& tensor = plan.params[static_cast<std::size_t>(index)];
  const auto count = static_cast<std::size_t>(tensor.elements());
  std::vector<float> values(count, tensor.constant);
  if (tensor.fan_in == 0) return values;
  const auto bound =
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(tensor.fan_in)));
  const NoiseKey key{seed, Stream::init, 0};
  for (std::size_t i = 0; i < count; i += 4) {
    const Words words = random_words(key, static_cast<std::uint32_t>(index),
                                     static_cast<std::uint32_t>(i / 4));
    for (std::size_t k = 0; k < 4 && i + k < count; ++k)
      values[i + k] = (2.0f * uniform(words.x[k]) - 1.0f) * bound;
  }
  return values;
}

}  // namespace vae::model
