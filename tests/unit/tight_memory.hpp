// A limit on the process's address space as long as the object lives, so that
// stacks for many threads cannot be allocated.
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
  /// `bytes` in addition to those that the process uses now.
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
