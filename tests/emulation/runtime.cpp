// See runtime.hpp: the part that does not depend on how threads are run.
#include "emulation/runtime.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <stdexcept>

namespace vae::emulation {
namespace {

// Launches are one at a time.
std::uint64_t next_seed = 1;

// A canary of a page lies behind the most that a launch can have.
constexpr std::size_t kShared = kMostShared + 4096;
constexpr std::byte kUnwritten{0xFF}, kCanary{0xA5};
alignas(1024) std::byte shared[kShared];
std::size_t shared_bytes = 0;

struct Allowed {
  std::mutex mutex;
  std::map<void (*)(), std::size_t> bytes;
};
Allowed& allowed() {
  static Allowed instance;
  return instance;
}

}  // namespace

void Later::finish(std::size_t newest) {
  if (groups_.size() <= newest) return;
  const auto groups = static_cast<std::ptrdiff_t>(groups_.size() - newest);
  const std::size_t tasks = groups_[static_cast<std::size_t>(groups) - 1];
  for (std::size_t i = 0; i < tasks; ++i) tasks_[i]();
  tasks_.erase(tasks_.begin(),
               tasks_.begin() + static_cast<std::ptrdiff_t>(tasks));
  groups_.erase(groups_.begin(), groups_.begin() + groups);
  for (std::size_t& end : groups_) end -= tasks;
}

void Later::clear() {
  tasks_.clear();
  groups_.clear();
}

void Thread::begin(unsigned number_in_block, WarpArea& of_warp) {
  number = number_in_block;
  exchanges = 0;
  area = &of_warp;
  copies.clear();
  products.clear();
}

bool allow_shared(void (*kernel)(), std::int64_t bytes) {
  if (bytes < 0 || bytes > std::int64_t{kMostShared}) return false;
  Allowed& all = allowed();
  const std::scoped_lock lock(all.mutex);
  all.bytes[kernel] = static_cast<std::size_t>(bytes);
  return true;
}

std::size_t allowed_shared(void (*kernel)()) {
  Allowed& all = allowed();
  const std::scoped_lock lock(all.mutex);
  const auto found = all.bytes.find(kernel);
  return found == all.bytes.end() ? kPlainShared
                                  : std::max(found->second, kPlainShared);
}

std::byte* shared_memory() {
  if (shared_bytes == 0)
    throw std::logic_error("a launch without dynamic shared memory");
  return shared;
}

std::byte* shared_at(std::uint64_t address, std::size_t bytes) {
  if (address % 16 != 0 || address + bytes > shared_bytes)
    throw std::out_of_range("not an address in dynamic shared memory");
  return shared + address;
}

void begin_shared(std::size_t bytes) {
  shared_bytes = bytes;
  if (bytes != 0) std::fill(shared + bytes, shared + kShared, kCanary);
}

void begin_shared_of_block() {
  std::fill(shared, shared + shared_bytes, kUnwritten);
}

bool shared_is_whole() {
  return shared_bytes == 0 ||
         std::all_of(shared + shared_bytes, shared + kShared,
                     [](std::byte each) { return each == kCanary; });
}

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

unsigned lanes_of_warp(unsigned warp, unsigned threads) {
  return std::min(kLanes, threads - warp * kLanes);
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
