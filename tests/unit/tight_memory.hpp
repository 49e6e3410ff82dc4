// A limit on the process's address space while it lives, so that memory for
// many threads' stacks is not given.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace vae::testing {

class TightMemory {
 public:
  /// `bytes`: beyond those that the process has now.
  explicit TightMemory(rlim_t bytes) {
    getrlimit(RLIMIT_AS, &before_);
    std::int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const auto size =
        static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + bytes;
    const rlimit tight{std::min(size, before_.rlim_max), before_.rlim_max};
    REQUIRE_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  }
  ~TightMemory() { setrlimit(RLIMIT_AS, &before_); }
  TightMemory(const TightMemory&) = delete;
  TightMemory& operator=(const TightMemory&) = delete;

 private:
  rlimit before_{};
};

}  // namespace vae::testing
