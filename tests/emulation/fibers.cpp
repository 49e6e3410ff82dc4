// See runtime.hpp: without threads. All CUDA threads of a block take turns on
// the calling one and change at barriers. Shows a race only if the result
// depends on whether the turns go up or down.
#include <ucontext.h>

#include <memory>
#include <mutex>
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
  bool down = false;  // which way the turns go, changing each time
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

/// Every fiber up to its next barrier, until all have ended.
void run_block(Block& b, unsigned threads) {
  prepare(b, threads);
  for (unsigned left = threads; left > 0; b.down = !b.down) {
    for (unsigned i = 0; i < threads; ++i) {
      const unsigned number = b.down ? threads - 1 - i : i;
      b.current = &b.fibers[number];
      if (b.current->done) continue;
      threadIdx = place(number, blockDim);
      swapcontext(&b.scheduler, &b.current->context);
      if (b.current->done) --left;
    }
  }
}

}  // namespace

bool run(const dim3& grid, const dim3& size,
         const std::function<void()>& thread) {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  Block& b = block();
  if (b.dry) return true;
  const OpenMemory open;
  b.thread = &thread;
  b.threw = false;
  blockDim = size;
  gridDim = grid;
  for (const std::uint64_t number : order_of_blocks(grid.size())) {
    blockIdx = place(number, grid);
    run_block(b, static_cast<unsigned>(size.size()));
  }
  return !b.threw;
}

void sync_block() {
  Block& b = block();
  swapcontext(&b.current->context, &b.scheduler);
}

void skip_kernels(bool on) { block().dry = on; }

}  // namespace vae::emulation
