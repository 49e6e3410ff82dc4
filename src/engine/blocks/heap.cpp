// See heap.hpp.
#include "engine/blocks/heap.hpp"

#include <cstddef>
#include <cstdlib>

namespace vae::engine::blocks {

void keep_freed_memory() {
  constexpr std::size_t kLargest = std::size_t{32} << 20, kHeader = 65536;
  // volatile: the optimizer would otherwise remove the malloc/free pair.
  void* volatile block = std::malloc(kLargest - kHeader);
  std::free(block);
}

}  // namespace vae::engine::blocks
