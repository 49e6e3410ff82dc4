// See team.hpp.
#include "engine/tile/team.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "engine/tile/products.hpp"

namespace vae::engine::tile {
namespace {

// About 20 microseconds: longer than two workers of equal speed are apart at
// the end of a phase, shorter than the system's time slices by far.
constexpr int kSpins = 1000;

// A ticket: 24 bits of phase, 20 of the number of tasks, 20 of the next task.
constexpr int kTaskBits = 20;
constexpr std::uint64_t kTaskMask = (std::uint64_t{1} << kTaskBits) - 1;
// Below the field's limit, since each worker that finds no task left has still
// counted one up.
constexpr std::int64_t kMostTasks = (1 << kTaskBits) - 4096;

std::uint64_t first_ticket(std::uint32_t phase, std::int64_t count) {
  return std::uint64_t{phase} << (2 * kTaskBits) |
         static_cast<std::uint64_t>(count) << kTaskBits;
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` is no longer `old`: spins for a moment, then sleeps.
std::uint32_t wait_for_change(const std::atomic<std::uint32_t>& value,
                              std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    const std::uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

/// Blocks signals in the workers, so that the host's handlers run on the host's
/// threads. Faults and profiling stay unblocked: they concern the thread
/// itself.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGPROF})
      sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Team::Team(int threads) {
  const NoSignals inherited;
  try {
    for (int worker = 1; worker < threads; ++worker)
      workers_.emplace_back([this, worker] { work(worker); });
  } catch (const std::system_error& error) {
    stop();
    fail(Status::memory, "the system gives no ", threads,
         " threads: ", error.what());
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  stopping_ = true;
  phase_.fetch_add(1, std::memory_order_release);
  phase_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void Team::keep_failure() {
  const std::lock_guard lock(failure_lock_);
  if (!failure_) failure_ = std::current_exception();
}

/// Returns how many tasks this worker has done. Nothing is thrown on a worker's
/// thread, where it would end the process.
std::uint32_t Team::take_tasks(int worker) {
  for (std::uint32_t done = 0;; ++done) {
    const std::uint64_t ticket =
        ticket_.fetch_add(1, std::memory_order_acq_rel);
    const std::uint64_t task = ticket & kTaskMask;
    if (task >= (ticket >> kTaskBits & kTaskMask)) return done;
    try {
      call_(object_, first_ + static_cast<std::int64_t>(task), worker);
    } catch (...) {
      keep_failure();
    }
  }
}

void Team::work(int worker) {
  std::uint32_t phase = 0;
  for (;;) {
    phase = wait_for_change(phase_, phase);
    if (stopping_) return;
    const std::uint32_t done = take_tasks(worker);
    if (done == 0) continue;
    try {
      finish_products();
    } catch (...) {
      keep_failure();
    }
    done_.fetch_add(done, std::memory_order_acq_rel);
    done_.notify_one();
  }
}

/// A ticket counts at most kMostTasks. Large images have more; these are
/// several phases.
void Team::run_tasks(std::int64_t count, Call call, const void* object) {
  call_ = call, object_ = object;
  for (std::int64_t first = 0; first < count; first += kMostTasks)
    run_phase(first, std::min(count - first, kMostTasks));
}

void Team::run_phase(std::int64_t first, std::int64_t count) {
  const auto all = static_cast<std::uint32_t>(count);
  const std::uint32_t phase = phase_.load(std::memory_order_relaxed) + 1;
  first_ = first;
  done_.store(0, std::memory_order_relaxed);
  ticket_.store(first_ticket(phase, count), std::memory_order_release);
  if (count > 1 && !workers_.empty()) {
    phase_.store(phase, std::memory_order_release);
    phase_.notify_all();
  }
  const std::uint32_t mine = take_tasks(0);
  finish_products();
  std::uint32_t done = done_.fetch_add(mine, std::memory_order_acq_rel) + mine;
  while (done != all) done = wait_for_change(done_, done);
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace vae::engine::tile
