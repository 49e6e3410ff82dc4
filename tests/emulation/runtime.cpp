// See runtime.hpp: what does not depend on how threads are run.
#include "emulation/runtime.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace vae::emulation {
namespace {

// Launches are one at a time.
std::uint64_t next_seed = 1;

}  // namespace

bool startable(const dim3& grid, const dim3& block) {
  return grid.size() > 0 && grid.x <= 2147483647u && grid.y <= 65535 &&
         grid.z <= 65535 && block.size() > 0 && block.size() <= 1024 &&
         block.z <= 64;
}

uint3 place(std::uint64_t number, const dim3& size) {
  return {static_cast<unsigned>(number % size.x),
          static_cast<unsigned>(number / size.x % size.y),
          static_cast<unsigned>(number / size.x / size.y)};
}

std::vector<std::uint64_t> order_of_blocks(std::uint64_t count) {
  std::vector<std::uint64_t> order(count);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  if (next_seed == 0) return order;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(next_seed));
  ++next_seed;
  return order;
}

void shuffle_blocks(std::uint64_t seed) { next_seed = seed; }

}  // namespace vae::emulation
