// See counted_heap.hpp. Replaces glibc's allocation functions with counting
// ones that call them. operator new and LibTorch's tensors use them too.
#include "memory/counted_heap.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace {

std::atomic<bool> counting{false};
std::atomic<std::int64_t> count{0};

void count_call() {
  if (counting.load(std::memory_order_relaxed))
    count.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t number, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  count_call();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count_call();
  return __libc_calloc(number, size);
}
void* realloc(void* block, std::size_t size) {
  count_call();
  return __libc_realloc(block, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count_call();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  count_call();
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}

}  // extern "C"

namespace vae::testing {

void count_allocations() {
  count = 0;
  counting = true;
}

std::int64_t allocations() {
  counting = false;
  return count;
}

}  // namespace vae::testing
