// See host_memory.hpp.
#include "base/host_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

#include "base/check.hpp"

namespace vae {
namespace {

constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::max();

/// The number after `key` at the start of a line; `missing` if there is none.
std::int64_t number_of(const std::string& path, const std::string& key,
                       std::int64_t missing) {
  std::ifstream file(path);
  for (std::string name; file >> name; file.ignore(4096, '\n')) {
    std::int64_t value = 0;
    if (name == key && file >> value) return value;
  }
  return missing;
}

/// The number in a file; `missing` for "max" or if there is no file.
std::int64_t number_in(const std::string& path, std::int64_t missing) {
  std::ifstream file(path);
  std::int64_t value = 0;
  return file >> value ? value : missing;
}

/// This process's path in a hierarchy of control groups. Version 2 has a line
/// "0::/path", version 1 a line "N:memory:/path".
std::string group_path(const std::string& root, const std::string& key) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (const auto at = line.find(key); at != std::string::npos)
      return line.substr(at + key.size());
  return "/";
}

/// Bytes left in a group and all groups above it. File pages that the kernel
/// can drop at once (`droppable`) do not count as used.
std::int64_t left_in_group(const std::string& mount, std::string path,
                           const char* limit, const char* usage,
                           const char* droppable) {
  std::int64_t left = kUnknown;
  for (;;) {
    const std::string folder = mount + path + "/";
    const std::int64_t most = number_in(folder + limit, kUnknown);
    if (most != kUnknown)
      left =
          std::min(left, most - number_in(folder + usage, 0) +
                             number_of(folder + "memory.stat", droppable, 0));
    if (path.empty()) return left;
    path.erase(path.find_last_of('/'));
  }
}

}  // namespace

void require_host_memory(std::int64_t bytes, const char* what) {
  const std::int64_t available = available_host_memory();
  require(bytes <= available, Status::memory, what, " takes ", bytes,
          " bytes of memory; this process can have ", available, " more");
}

std::int64_t available_host_memory() { return available_host_memory(""); }

// The minimum of the machine's memory and both versions of control groups. A
// version that is not in use has no files and sets no limit.
std::int64_t available_host_memory(const std::string& root) {
  const std::string meminfo = root + "/proc/meminfo";
  const std::int64_t kib = number_of(meminfo, "MemAvailable:", -1);
  std::int64_t left =
      kib < 0 ? kUnknown
              : (kib + number_of(meminfo, "SwapFree:", 0)) * std::int64_t{1024};
  const std::string mount = root + "/sys/fs/cgroup";
  left =
      std::min(left, left_in_group(mount, group_path(root, "0::"), "memory.max",
                                   "memory.current", "inactive_file"));
  left = std::min(
      left, left_in_group(mount + "/memory", group_path(root, ":memory:"),
                          "memory.limit_in_bytes", "memory.usage_in_bytes",
                          "total_inactive_file"));
  return std::max<std::int64_t>(left, 0);
}

}  // namespace vae
