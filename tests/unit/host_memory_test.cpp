#include "base/host_memory.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "unit/testing.hpp"

using vae::available_host_memory;

namespace {

constexpr std::int64_t kMiB = 1 << 20;

/// Files as the kernel's, with chosen content.
class Kernel {
 public:
  Kernel() : root_(folder_.path() + "/root") {}
  Kernel& file(const std::string& path, const std::string& text) {
    const std::filesystem::path full = root_ + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
    return *this;
  }
  std::int64_t available() const { return available_host_memory(root_); }

 private:
  vae::testing::TempFolder folder_;
  std::string root_;
};

}  // namespace

TEST_CASE("a system without these files has no limit") {
  CHECK(Kernel().available() == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("memory of the machine, and what can be swapped out") {
  Kernel kernel;
  kernel.file("/proc/meminfo",
              "MemTotal:  8388608 kB\nMemAvailable:  2048 kB\n"
              "SwapTotal:  4096 kB\nSwapFree:  1024 kB\n");
  CHECK(kernel.available() == 3 * kMiB);
}

TEST_CASE("a container's limit, with pages of files that can be dropped") {
  Kernel kernel;
  kernel.file("/proc/meminfo", "MemAvailable:  2097152 kB\n")
      .file("/proc/self/cgroup", "0::/\n")
      .file("/sys/fs/cgroup/memory.max", "104857600\n")
      .file("/sys/fs/cgroup/memory.current", "52428800\n")
      .file("/sys/fs/cgroup/memory.stat",
            "anon 31457280\ninactive_file 20971520\n");
  CHECK(kernel.available() == 70 * kMiB);
}

TEST_CASE("the smallest limit of a group and those above it counts") {
  Kernel kernel;
  kernel.file("/proc/self/cgroup", "0::/job/task\n")
      .file("/sys/fs/cgroup/job/task/memory.max", "max\n")
      .file("/sys/fs/cgroup/job/memory.max", "10485760\n")
      .file("/sys/fs/cgroup/job/memory.current", "6291456\n");
  CHECK(kernel.available() == 4 * kMiB);
  kernel.file("/sys/fs/cgroup/job/task/memory.max", "1048576\n")
      .file("/sys/fs/cgroup/job/task/memory.current", "2097152\n");
  CHECK(kernel.available() == 0);
}

TEST_CASE("control groups of version 1") {
  Kernel kernel;
  kernel.file("/proc/self/cgroup", "5:cpu:/x\n3:memory:/y\n")
      .file("/sys/fs/cgroup/memory/y/memory.limit_in_bytes", "8388608\n")
      .file("/sys/fs/cgroup/memory/y/memory.usage_in_bytes", "4194304\n")
      .file("/sys/fs/cgroup/memory/y/memory.stat",
            "total_inactive_file 1048576\n");
  CHECK(kernel.available() == 5 * kMiB);
}

TEST_CASE("this machine has a limit") {
  const std::int64_t available = available_host_memory();
  CHECK(available > kMiB);
}
