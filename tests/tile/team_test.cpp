// The team of threads: every task runs once, failures are rethrown, idle
// threads sleep, and workers receive no signals.
#include "engine/tile/team.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "unit/testing.hpp"
#include "unit/tight_memory.hpp"

namespace vae::engine::tile {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Waits until `done()` or ten seconds are over; says which.
template <class Done>
bool wait_until(Done done) {
  const auto last = steady_clock::now() + milliseconds(10'000);
  while (!done()) {
    if (steady_clock::now() > last) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

double cpu_milliseconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 +
         static_cast<double>(time.tv_nsec) * 1e-6;
}

/// Runs each task of a phase; how many were not run exactly once.
std::int64_t not_once(Team& team, std::int64_t count) {
  std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
  team.run(count, [&](std::int64_t task, int) {
    ++runs[static_cast<std::size_t>(task)];
  });
  return std::count_if(runs.begin(), runs.end(),
                       [](const auto& n) { return n != 1; });
}

/// Makes every worker of a team run body(worker) once.
template <class Body>
void on_each(Team& team, Body body) {
  std::atomic<int> here{0};
  team.run(team.threads(), [&](std::int64_t, int worker) {
    ++here;
    CHECK(wait_until([&] { return here == team.threads(); }));
    body(worker);
  });
}

}  // namespace

TEST_CASE("every task runs once, whatever the numbers of tasks and threads") {
  for (int threads = 1; threads <= 5; ++threads) {
    Team team(threads);
    CHECK_EQ(team.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 1000, 1, 0, 3}) {
      CAPTURE(threads);
      CAPTURE(count);
      CHECK_EQ(not_once(team, count), 0);
    }
  }
}

TEST_CASE("more tasks than one phase counts, as of images of 1448 x 1448") {
  for (const int threads : {1, 3}) {
    Team team(threads);
    CHECK_EQ(not_once(team, 2'100'000), 0);
  }
}

TEST_CASE("workers have numbers of their own, and the caller has 0") {
  Team team(4);
  std::vector<std::thread::id> ids(4);
  on_each(team, [&](int worker) {
    ids.at(static_cast<std::size_t>(worker)) = std::this_thread::get_id();
  });
  CHECK(ids[0] == std::this_thread::get_id());
  std::sort(ids.begin(), ids.end());
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  CHECK(std::find(ids.begin(), ids.end(), std::thread::id()) == ids.end());
}

TEST_CASE("a task's failure is rethrown once, after the others") {
  for (const int threads : {1, 2, 4}) {
    CAPTURE(threads);
    Team team(threads);
    std::atomic<int> done{0};
    std::string text;
    try {
      team.run(100, [&](std::int64_t task, int) {
        if (task == 13) throw std::runtime_error("task 13");
        ++done;
      });
    } catch (const std::runtime_error& error) {
      text = error.what();
    }
    CHECK_EQ(text, "task 13");
    CHECK_EQ(done, 99);
    CHECK_EQ(not_once(team, 100), 0);
    CHECK_THROWS_AS(
        team.run(50, [](std::int64_t, int) { throw std::bad_alloc(); }),
        std::bad_alloc);
    CHECK_EQ(not_once(team, 1), 0);  // the other 49 are dropped
    CHECK_EQ(not_once(team, 100), 0);
  }
}

TEST_CASE("what a phase wrote, the next one reads: 10,000 in a row") {
  Team team(3);
  std::vector<int> now(7, 0), next(7);
  bool right = true;
  for (int phase = 0; phase < 10'000; ++phase) {
    const auto count = static_cast<std::int64_t>(phase % 7) + 1;
    team.run(count, [&](std::int64_t task, int) {
      const auto i = static_cast<std::size_t>(task);
      // From the element that another task wrote.
      next[i] = now[static_cast<std::size_t>((task + 1) % count)] + 1;
    });
    for (std::size_t i = 0; i < 7; ++i) {
      right = right &&
              (i >= static_cast<std::size_t>(count) || next[i] == phase + 1);
      now[i] = phase + 1;
    }
  }
  CHECK(right);
}

TEST_CASE("workers without work sleep") {
  Team team(4);
  CHECK_EQ(not_once(team, 100), 0);
  std::this_thread::sleep_for(milliseconds(20));
  const double before = cpu_milliseconds();
  std::this_thread::sleep_for(milliseconds(200));
  // Three that spin would have used 200 or more, even on one core.
  CHECK_LT(cpu_milliseconds() - before, 40);
  CHECK_EQ(not_once(team, 100), 0);
}

TEST_CASE("threads that wait for a slow task sleep too") {
  Team team(3);
  const double before = cpu_milliseconds();
  on_each(team, [](int worker) {
    if (worker == 1) std::this_thread::sleep_for(milliseconds(200));
  });
  CHECK_LT(cpu_milliseconds() - before, 60);
}

TEST_CASE("a slow task does not keep others from being done") {
  Team team(2);
  for (const std::int64_t slow : {0, 5, 99}) {
    std::atomic<int> others{0};
    team.run(100, [&](std::int64_t task, int) {
      if (task != slow)
        ++others;
      else
        CHECK(wait_until([&] { return others == 99; }));
    });
  }
}

TEST_CASE("many teams work at once") {
  std::vector<std::thread> hosts;
  std::atomic<std::int64_t> wrong{0};
  for (int host = 0; host < 6; ++host)
    hosts.emplace_back([&] {
      Team team(3);
      for (int phase = 0; phase < 100; ++phase) wrong += not_once(team, 20);
    });
  for (std::thread& host : hosts) host.join();
  CHECK_EQ(wrong, 0);
}

TEST_CASE("teams are created and destroyed, used or not") {
  for (int i = 0; i < 200; ++i) {
    Team team(1 + i % 4);
    if (i % 2 == 0) CHECK_EQ(not_once(team, i % 5), 0);
  }
}

namespace {

pthread_t workers[3];
std::atomic<int> on_workers{0}, elsewhere{0};

void count_signal(int) {
  for (const pthread_t worker : workers)
    if (pthread_equal(worker, pthread_self())) {
      ++on_workers;
      return;
    }
  ++elsewhere;
}

}  // namespace

TEST_CASE(
    "signals are delivered to the host's threads, whose mask is unchanged") {
  sigset_t ours, before, after;
  sigemptyset(&ours);
  sigaddset(&ours, SIGUSR1);
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  Team team(4);
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (const int s : {SIGUSR1, SIGTERM, SIGINT, SIGCHLD, SIGALRM})
    CHECK_EQ(sigismember(&after, s), sigismember(&before, s));
  on_each(team, [](int worker) {
    if (worker > 0) workers[worker - 1] = pthread_self();
  });

  struct sigaction handler = {}, old;
  handler.sa_handler = count_signal;
  sigaction(SIGUSR1, &handler, &old);
  on_workers = elsewhere = 0;
  // The system prefers a process's first thread; with that one not listening,
  // a worker that does would be called.
  pthread_sigmask(SIG_BLOCK, &ours, nullptr);
  for (int i = 0; i < 50; ++i) {
    kill(getpid(), SIGUSR1);
    CHECK_EQ(not_once(team, 20), 0);
  }
  std::this_thread::sleep_for(milliseconds(20));
  CHECK_EQ(on_workers, 0);
  pthread_sigmask(SIG_UNBLOCK, &ours, nullptr);
  for (int i = 0; i < 50; ++i) {
    kill(getpid(), SIGUSR1);
    CHECK_EQ(not_once(team, 20), 0);
  }
  CHECK(wait_until([] { return elsewhere > 0; }));
  CHECK_EQ(on_workers, 0);
  sigaction(SIGUSR1, &old, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("threads that the system cannot create are a memory error") {
  std::string text;
  {
    // Enough memory for some stacks, but not for hundreds.
    const testing::TightMemory tight(rlim_t{256} << 20);
    text = testing::error_of(Status::memory, [] { Team team(500); });
  }
  testing::says(text, "500");
  Team team(3);
  CHECK_EQ(not_once(team, 100), 0);
}
#endif

}  // namespace vae::engine::tile
