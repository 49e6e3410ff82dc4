// Runs a grid of CUDA threads on the CPU, the blocks one after the other in a
// shuffled order. Two ways to link: threads.cpp has a std::thread for each
// thread of a block, so that the thread sanitizer finds races; fibers.cpp has
// one for all, and is fast. Knows nothing of CUDA's names for this (include/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace vae::emulation {

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1)
      : x(x_), y(y_), z(z_) {}
  constexpr std::uint64_t size() const { return std::uint64_t{x} * y * z; }
  unsigned x, y, z;
};

/// Which thread of a grid this is.
inline thread_local constinit uint3 threadIdx, blockIdx;
inline thread_local constinit dim3 blockDim, gridDim;

/// Whether a grid has sizes that CUDA accepts.
bool startable(const dim3& grid, const dim3& block);

/// Runs `thread` once for every thread of a grid, with `shared` bytes of
/// dynamic shared memory. False if one of them threw (the others ran to their
/// end), if something was written behind those bytes, or, of fibers.cpp, if all
/// waited at barriers that somebody else did not reach.
bool run(const dim3& grid, const dim3& block, std::size_t shared,
         const std::function<void()>& thread);

/// Waits for all threads of the block, or of the warp, that have not ended.
void sync_block();
void sync_warp();

/// Asynchronous operations of the hardware, in groups. They take effect only
/// when the thread waits for them, so that a missing wait is found.
class Later {
 public:
  void add(std::function<void()> task) { tasks_.push_back(std::move(task)); }
  void close_group() { groups_.push_back(tasks_.size()); }
  /// All groups but the newest ones, the oldest first.
  void finish(std::size_t newest);
  void clear();

 private:
  std::vector<std::function<void()>> tasks_;
  std::vector<std::size_t> groups_;  // where each ends
};

constexpr unsigned kLanes = 32;
constexpr std::size_t kLaneBytes = 32;

/// Memory for exchanges between the lanes of a warp; two halves alternate.
struct WarpArea {
  alignas(16) std::byte turns[2][kLanes * kLaneBytes];
};

/// State of a thread of the running block.
struct Thread {
  /// For a new block.
  void begin(unsigned number_in_block, WarpArea& of_warp);
  unsigned lane() const { return number % kLanes; }

  unsigned number = 0;
  unsigned exchanges = 0;
  WarpArea* area = nullptr;
  Later copies, products;
};
inline thread_local constinit Thread* this_thread = nullptr;

/// All lanes of a warp call it: what each of them gave, by lane; nothing of use
/// from those that have ended. Holds until this lane's next exchange: whoever
/// writes into the same half has met this lane there.
template <class T>
const T* exchange(const T& mine) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kLaneBytes);
  std::byte* const half =
      this_thread->area->turns[this_thread->exchanges++ % 2];
  std::memcpy(half + this_thread->lane() * sizeof(T), &mine, sizeof(T));
  sync_warp();
  return reinterpret_cast<const T*>(half);
}

/// How much dynamic shared memory a block may have; above kPlainShared a kernel
/// has to be allowed it first.
constexpr std::size_t kMostShared = std::size_t{227} << 10;
constexpr std::size_t kPlainShared = std::size_t{48} << 10;
bool allow_shared(void (*kernel)(), std::int64_t bytes);
std::size_t allowed_shared(void (*kernel)());

/// The dynamic shared memory of the block that runs, aligned to 1024 bytes; all
/// bits are set until something is written. Throws if the launch asked for
/// none.
std::byte* shared_memory();
/// The place `address` in it. Throws unless `bytes` there are the launch's and
/// the address is a multiple of 16.
std::byte* shared_at(std::uint64_t address, std::size_t bytes);

/// From the next launch on, blocks run in orders that follow from `seed`; every
/// launch has another one. 0: in the order of their numbers.
void shuffle_blocks(std::uint64_t seed);

/// What both ways share: where thread or block `number` is, and in which order
/// the blocks of the next launch run; how many lanes the warp of a thread has;
/// and the dynamic shared memory of a launch, of each block, and whether what
/// lies behind it is whole.
uint3 place(std::uint64_t number, const dim3& size);
std::vector<std::uint64_t> order_of_blocks(std::uint64_t count);
unsigned lanes_of_warp(unsigned warp, unsigned threads);
constexpr unsigned warps_of(unsigned threads) {
  return (threads + kLanes - 1) / kLanes;
}
void begin_shared(std::size_t bytes);
void begin_shared_of_block();
bool shared_is_whole();

/// Of fibers.cpp: kernels are started and counted, but do nothing.
void skip_kernels(bool on);

}  // namespace vae::emulation
