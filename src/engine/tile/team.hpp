// The threads of one trainer: its caller and workers of its own, which take
// tasks of one phase after the other. They sleep when there is nothing to do,
// and soon also when they only wait for each other, so that a machine with
// other work is not slowed down by waiting. No task queue, no nesting.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace vae::engine::tile {

class Team {
 public:
  /// `threads` >= 1, the caller among them. Error(memory) if the system gives
  /// no more threads.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(task, worker) for every task in [0, count), each once, in any
  /// order on any worker (0 is the caller); returns when all are done. The
  /// first exception of a task is thrown here, after the others are done.
  template <class Body>
  void run(std::int64_t count, const Body& body) {
    run_tasks(
        count,
        [](const void* object, std::int64_t task, int worker) {
          (*static_cast<const Body*>(object))(task, worker);
        },
        &body);
  }

 private:
  using Call = void (*)(const void* object, std::int64_t task, int worker);

  void run_tasks(std::int64_t count, Call call, const void* object);
  void run_phase(std::int64_t first, std::int64_t count);
  std::uint32_t take_tasks(int worker);
  /// The exception being handled, if it is the phase's first.
  void keep_failure();
  void work(int worker);
  void stop();

  std::vector<std::thread> workers_;
  std::atomic<bool> stopping_{false};
  std::mutex failure_lock_;
  std::exception_ptr failure_;

  // What to call for the tasks of the phase under way. Changes only between
  // phases, and a phase lasts as long as one of its tasks is not done.
  Call call_ = nullptr;
  const void* object_ = nullptr;
  std::int64_t first_ = 0;  // added to the numbers of its tasks
  /// Phase, number of its tasks, and the next one, in one integer: a thread
  /// that takes a task knows that it belongs to the phase under way, even a
  /// worker that slept through the phases before.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::uint32_t> phase_{0};  // raised to wake workers
  alignas(64) std::atomic<std::uint32_t> done_{0};   // tasks of this phase
};

}  // namespace vae::engine::tile
