// See runtime.hpp: one thread for each CUDA thread.
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "emulation/memory.hpp"
#include "emulation/runtime.hpp"

namespace vae::emulation {
namespace {

/// A barrier that a thread may leave for good, as a CUDA thread does when it
/// ends. The lock orders everybody's memory before the last one's, the phase
/// the last one's before everybody's.
class Barrier {
 public:
  explicit Barrier(unsigned threads) : expected_(threads) {}

  void wait() {
    const unsigned phase = phase_.load(std::memory_order_relaxed);
    if (arrive(1, 0)) return;
    phase_.wait(phase, std::memory_order_acquire);
  }
  void leave() { arrive(0, 1); }

 private:
  /// True if that was the last one.
  bool arrive(unsigned waits, unsigned leaves) {
    const std::scoped_lock lock(mutex_);
    waiting_ += waits;
    expected_ -= leaves;
    if (waiting_ != expected_) return false;
    waiting_ = 0;
    phase_.fetch_add(1, std::memory_order_release);
    phase_.notify_all();
    return true;
  }

  std::mutex mutex_;
  unsigned expected_, waiting_ = 0;
  std::atomic<unsigned> phase_ = 0;
};

/// The barriers of a block.
struct Syncs {
  explicit Syncs(unsigned threads) : block(threads), warps(warps_of(threads)) {
    for (unsigned i = 0; i < warps.size(); ++i)
      warps[i].emplace(lanes_of_warp(i, threads));
  }
  Barrier block;
  std::vector<std::optional<Barrier>> warps;
};

/// Shared by the threads of a launch.
struct Team {
  Team(const dim3& grid_size, const dim3& block_size)
      : grid(grid_size),
        block(block_size),
        threads(static_cast<unsigned>(block.size())),
        areas(warps_of(threads)),
        between_blocks(threads),
        syncs(2) {
    for (auto& sync : syncs) sync.emplace(threads);
  }

  const dim3 grid, block;
  const unsigned threads;
  bool has_shared = false;
  std::vector<std::uint64_t> order;  // of the blocks
  std::vector<WarpArea> areas;
  Barrier between_blocks;
  // Of this block and the next. Barriers that threads have left are made anew
  // by thread 0, when nobody can be in them any more.
  std::vector<std::optional<Syncs>> syncs;
  std::atomic<bool> threw = false;
};

thread_local constinit Barrier *block_barrier = nullptr,
                               *warp_barrier = nullptr;

void run_thread(Team& team, unsigned number,
                const std::function<void()>& thread) {
  threadIdx = place(number, team.block);
  blockDim = team.block;
  gridDim = team.grid;
  const unsigned warp = number / kLanes;
  Thread self;
  this_thread = &self;
  for (std::size_t i = 0; i < team.order.size(); ++i) {
    blockIdx = place(team.order[i], team.grid);
    Syncs& syncs = *team.syncs[i % 2];
    block_barrier = &syncs.block;
    warp_barrier = &*syncs.warps[warp];
    self.begin(number, team.areas[warp]);
    if (team.has_shared) {
      if (number == 0) begin_shared_of_block();
      team.between_blocks.wait();
    }
    try {
      thread();
    } catch (...) {
      team.threw = true;
    }
    block_barrier->leave();
    warp_barrier->leave();
    team.between_blocks.wait();
    if (number == 0) team.syncs[i % 2].emplace(team.threads);
  }
  this_thread = nullptr;
}

/// Threads that wait for the next launch: making them takes longer than most
/// kernels do.
class Crew {
 public:
  explicit Crew(unsigned threads) : size(threads), gate_(threads + 1) {
    // A thread that cannot be started ends the program, rather than leaving the
    // others at a barrier.
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this, i]() noexcept { work(i); });
  }
  ~Crew() {
    team_ = nullptr;
    gate_.wait();
    for (std::thread& each : threads_) each.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void run(Team& team, const std::function<void()>& thread) {
    team_ = &team;
    thread_ = &thread;
    gate_.wait();  // they begin
    gate_.wait();  // they have ended
  }

  const unsigned size;

 private:
  void work(unsigned number) {
    for (;;) {
      gate_.wait();
      if (team_ == nullptr) return;
      run_thread(*team_, number, *thread_);
      gate_.wait();
    }
  }

  Team* team_ = nullptr;
  const std::function<void()>* thread_ = nullptr;
  Barrier gate_;  // of all of them and the host
  std::vector<std::thread> threads_;
};

}  // namespace

bool run(const dim3& grid, const dim3& block, std::size_t shared,
         const std::function<void()>& thread) {
  // Shared variables are static, so there can be only one launch.
  static std::mutex one_at_a_time;
  const std::scoped_lock lock(one_at_a_time);
  const OpenMemory open;
  begin_shared(shared);
  Team team(grid, block);
  team.has_shared = shared != 0;
  team.order = order_of_blocks(grid.size());
  static std::unique_ptr<Crew> crew;
  if (crew == nullptr || crew->size != team.threads)
    crew = std::make_unique<Crew>(team.threads);
  crew->run(team, thread);
  return shared_is_whole() && !team.threw;
}

void sync_block() { block_barrier->wait(); }
void sync_warp() { warp_barrier->wait(); }

}  // namespace vae::emulation
