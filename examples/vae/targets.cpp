// Only queries the system; creates no file.
#include "targets.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>

#include "output.hpp"

namespace cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Failure(VAE_E_FILE, path + " cannot be written: " + why);
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe (FIFO)";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "not a regular file";
}

// A file that is a mount point, as in containers, cannot be replaced.
bool is_mounted(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_TYPE, &status) != 0)
    return false;
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// The target of a path after following links; it need not exist.
std::string link_target(const std::string& path) {
  constexpr int kMostLinks = 40;  // the system's own limit
  std::string at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    char buffer[PATH_MAX];
    const ssize_t size = ::readlink(at.c_str(), buffer, sizeof buffer);
    if (size < 0) return at;
    // An absolute target replaces the whole path.
    at = fs::path(at).parent_path() /
         std::string(buffer, static_cast<std::size_t>(size));
  }
  refuse(path, reason(ELOOP));
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : ".";
}

}  // namespace

bool same_target(const std::string& one, const std::string& other) {
  const fs::path a = link_target(one), b = link_target(other);
  std::error_code error;
  return a.filename() == b.filename() &&
         fs::equivalent(folder_of(a), folder_of(b), error);
}

void check_target(const std::string& path) {
  if (path.empty()) throw Failure(VAE_E_FILE, "the name of a file is empty");
  const std::string file = link_target(path);
  struct stat status {};
  if (::stat(file.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) {
      refuse(path, std::string("it is ") + kind_of(status.st_mode));
    }
    if (is_mounted(file)) {
      refuse(path, "it is a mount point; mount its folder instead");
    }
  } else if (errno != ENOENT) {
    refuse(path, reason(errno));
  }
  const std::string folder = folder_of(file).string();
  if (::stat(folder.c_str(), &status) != 0) {
    refuse(path, folder + ": " + reason(errno));
  }
  if (!S_ISDIR(status.st_mode)) refuse(path, folder + " is not a folder");
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse(path, folder + ": " + reason(errno));
  }
}

}  // namespace cli
