// See runtime.hpp: the same without threads. All CUDA threads of a block take
// turns on the calling one and change at barriers, which is a hundred times
// faster, but shows no race. For tests of whole engines.
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <vector>

#include "emulation/memory.hpp"
#include "emulation/runtime.hpp"

namespace vae::emulation {
namespace {

constexpr std::size_t kStack = std::size_t{128} << 10;

struct Fiber {
  ucontext_t context;
  std::unique_ptr<std::byte[]> stack;
  bool done = true;
};

/// The launch that is running; launches are one at a time.
struct Block {
  ucontext_t scheduler;
  std::vector<Fiber> fibers;
  Fiber* current = nullptr;
  const std::function<void()>* thread = nullptr;
  bool threw = false;
  bool dry = false;
  std::uint64_t seed = 1;
};

Block& block() {
  static Block instance;
  return instance;
}

void enter_fiber() {
  Block& b = block();
  try {
    (*b.thread)();
  } catch (...) {
    b.threw = true;
  }
  b.current->done = true;
  // Ending it continues with the scheduler (uc_link).
}

void prepare(Block& b, unsigned threads) {
  if (b.fibers.size() < threads) b.fibers.resize(threads);
  for (unsigned i = 0; i < threads; ++i) {
    Fiber& fiber = b.fibers[i];
    if (fiber.stack == nullptr)
      fiber.stack = std::make_unique<std::byte[]>(kStack);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStack;
    fiber.context.uc_link = &b.scheduler;
    makecontext(&fiber.context, enter_fiber, 0);
    fiber.done = false;
  }
}

uint3 place(std::uint64_t number, const dim3& size) {
  return {static_cast<unsigned>(number % size.x),
          static_cast<unsigned>(number / size.x % size.y),
          static_cast<unsigned>(number / size.x / size.y)};
}

/// Every fiber up to its next barrier, until all have ended.
void run_block(Block& b, unsigned threads) {
  prepare(b, threads);
  for (unsigned left = threads; left > 0;) {
    for (unsigned i = 0; i < threads; ++i) {
      b.current = &b.fibers[i];
      if (b.current->done) continue;
      threadIdx = place(i, blockDim);
      swapcontext(&b.scheduler, &b.current->context);
      if (b.current->done) --left;
    }
  }
}

}  // namespace

bool startable(const dim3& grid, const dim3& size) {
  return grid.size() > 0 && size.size() > 0 && size.size() <= 1024;
}

bool run(const dim3& grid, const dim3& size,
         const std::function<void()>& thread) {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  Block& b = block();
  if (b.dry) return true;
  const OpenMemory open;
  std::vector<std::uint64_t> order(grid.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  if (b.seed != 0)
    std::shuffle(order.begin(), order.end(), std::mt19937_64(b.seed++));
  b.thread = &thread;
  b.threw = false;
  blockDim = size;
  gridDim = grid;
  for (const std::uint64_t number : order) {
    blockIdx = place(number, grid);
    run_block(b, static_cast<unsigned>(size.size()));
  }
  return !b.threw;
}

void sync_block() {
  Block& b = block();
  swapcontext(&b.current->context, &b.scheduler);
}

void shuffle_blocks(std::uint64_t seed) { block().seed = seed; }

void skip_kernels(bool on) { block().dry = on; }

}  // namespace vae::emulation
