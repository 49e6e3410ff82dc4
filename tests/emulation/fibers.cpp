// See runtime.hpp: without threads. All CUDA threads of a block are fibers on
// the calling thread and switch at barriers. Finds a race only if the result
// depends on whether they run in ascending or descending order.
#include <memory>
#include <mutex>
#include <vector>

#include "emulation/memory.hpp"
#include "emulation/runtime.hpp"

// swapcontext() makes a system call, which dominates the time of a kernel with
// a barrier at every instruction. Only the address sanitizer and other CPUs
// use it.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VAE_USE_UCONTEXT
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || !defined(__x86_64__)
#define VAE_USE_UCONTEXT
#endif

#ifdef VAE_USE_UCONTEXT
#include <ucontext.h>
#else
// Saves the callee-saved registers and loads those of the other stack, where
// the same call or start() stored them.
asm(R"(
  .text
  .globl vae_emulation_change_stack
  .hidden vae_emulation_change_stack
  .type vae_emulation_change_stack, @function
vae_emulation_change_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size vae_emulation_change_stack, . - vae_emulation_change_stack
)");
extern "C" [[gnu::visibility("hidden")]] void vae_emulation_change_stack(
    void** from, void* to);
#endif

namespace vae::emulation {
namespace {

constexpr std::size_t kStack = std::size_t{128} << 10;

/// A suspended context.
#ifdef VAE_USE_UCONTEXT
class Context {
 public:
  void start(std::byte* stack, void (*enter)()) {
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack;
    context_.uc_stack.ss_size = kStack;
    makecontext(&context_, enter, 0);
  }
  void change_to(Context& other) { swapcontext(&context_, &other.context_); }

 private:
  ucontext_t context_;
};
#else
class Context {
 public:
  void start(std::byte* stack, void (*enter)()) {
    // Six registers, where to return to, and no caller: the stack pointer is
    // then where the calling convention wants it at a function's entry.
    auto** const top = reinterpret_cast<void**>(stack + kStack);
    top[-1] = nullptr;
    top[-2] = reinterpret_cast<void*>(enter);
    for (int i = 3; i <= 8; ++i) top[-i] = nullptr;
    stack_ = top - 8;
  }
  void change_to(Context& other) {
    vae_emulation_change_stack(&stack_, other.stack_);
  }

 private:
  void* stack_ = nullptr;
};
#endif

/// A barrier of those that have not ended.
struct Barrier {
  void begin(unsigned threads) { expected = threads, waiting = 0; }
  void leave() {
    --expected;
    open_if_all();
  }
  void open_if_all() {
    if (waiting != expected) return;
    waiting = 0;
    ++phase;
  }
  unsigned expected = 0, waiting = 0, phase = 0;
};

struct Fiber {
  bool waits() const { return at != nullptr && at->phase == phase; }

  Context context;
  std::unique_ptr<std::byte[]> stack;
  Thread self;
  uint3 index;
  Barrier* warp = nullptr;
  const Barrier* at = nullptr;  // waits there for the end of `phase`
  unsigned phase = 0;
  bool done = true;
};

/// The launch that is running; launches are one at a time.
struct Block {
  Context scheduler;
  std::vector<Fiber> fibers;
  Barrier all;
  std::vector<Barrier> warps;
  std::vector<WarpArea> areas;
  Fiber* current = nullptr;
  const std::function<void()>* thread = nullptr;
  bool failed = false;
  bool dry = false;
  bool down = false;  // descending order; alternates
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
    b.failed = true;
  }
  b.current->done = true;
  b.current->context.change_to(b.scheduler);  // does not return
}

void prepare(Block& b, unsigned threads) {
  if (b.fibers.size() < threads) b.fibers.resize(threads);
  b.all.begin(threads);
  b.warps.resize(warps_of(threads));
  b.areas.resize(b.warps.size());
  for (unsigned i = 0; i < b.warps.size(); ++i)
    b.warps[i].begin(lanes_of_warp(i, threads));
  for (unsigned i = 0; i < threads; ++i) {
    Fiber& fiber = b.fibers[i];
    if (fiber.stack == nullptr)
      fiber.stack = std::make_unique<std::byte[]>(kStack);
    fiber.context.start(fiber.stack.get(), enter_fiber);
    fiber.self.begin(i, b.areas[i / kLanes]);
    fiber.index = place(i, blockDim);
    fiber.warp = &b.warps[i / kLanes];
    fiber.at = nullptr;
    fiber.done = false;
  }
}

/// Runs a fiber up to its next barrier.
void take_turn(Block& b, Fiber& fiber) {
  b.current = &fiber;
  threadIdx = fiber.index;
  this_thread = &fiber.self;
  b.scheduler.change_to(fiber.context);
  if (!fiber.done) return;
  fiber.warp->leave();
  b.all.leave();
}

/// Runs every fiber up to its next barrier, until all have ended.
void run_block(Block& b, unsigned threads) {
  prepare(b, threads);
  for (unsigned left = threads; left > 0; b.down = !b.down) {
    bool moved = false;
    for (unsigned i = 0; i < threads; ++i) {
      Fiber& fiber = b.fibers[b.down ? threads - 1 - i : i];
      if (fiber.done || fiber.waits()) continue;
      moved = true;
      take_turn(b, fiber);
      if (fiber.done) --left;
    }
    if (!moved) {
      // They wait at different barriers: a deadlock.
      b.failed = true;
      return;
    }
  }
}

void wait_at(Block& b, Barrier& barrier) {
  Fiber& fiber = *b.current;
  fiber.at = &barrier;
  fiber.phase = barrier.phase;
  ++barrier.waiting;
  barrier.open_if_all();
  if (fiber.waits()) fiber.context.change_to(b.scheduler);
}

}  // namespace

bool run(const dim3& grid, const dim3& size, std::size_t shared,
         const std::function<void()>& thread) {
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  Block& b = block();
  if (b.dry) return true;
  const OpenMemory open;
  begin_shared(shared);
  b.thread = &thread;
  b.failed = false;
  blockDim = size;
  gridDim = grid;
  for (const std::uint64_t number : order_of_blocks(grid.size())) {
    blockIdx = place(number, grid);
    begin_shared_of_block();
    run_block(b, static_cast<unsigned>(size.size()));
  }
  this_thread = nullptr;
  return shared_is_whole() && !b.failed;
}

void sync_block() { wait_at(block(), block().all); }
void sync_warp() { wait_at(block(), *block().current->warp); }

void skip_kernels(bool on) { block().dry = on; }

}  // namespace vae::emulation
