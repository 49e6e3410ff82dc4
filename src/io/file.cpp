// See file.hpp. POSIX calls, because the C++ library has no fsync(), no
// permissions at creation and no reason for a failure. The only file of this
// directory that calls the operating system.
#include "io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.hpp"

namespace vae::io {
namespace {

// Linux transfers at most 2 GiB per call; smaller pieces also keep interrupts
// short.
constexpr std::size_t kPiece = std::size_t{1} << 30;

// An empty path needs quotes to be visible in an error text.
std::string shown(const std::string& path) {
  return path.empty() ? "''" : path;
}

/// `what` is "read", "written" or "synced".
[[noreturn]] void fail_file(const std::string& path, const char* what,
                            int error) {
  fail(Status::file, shown(path), " cannot be ", what, ": ",
       std::generic_category().message(error));
}

/// Describes a path that is neither a regular file nor a directory.
const char* kind_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "a pipe (FIFO)";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "of an unknown kind";
}

void require_regular(const std::string& path, const char* what, mode_t mode) {
  if (S_ISDIR(mode)) fail_file(path, what, EISDIR);
  require(S_ISREG(mode), Status::file, path, " cannot be ", what, ": it is ",
          kind_of(mode), ", not a regular file");
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  /// Closes now; false if the system reports a late write error.
  bool reset() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// Removes a temporary file unless it was renamed to its target.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const std::string& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

void write_all(int fd, std::span<const std::byte> bytes,
               const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::write(fd, bytes.data(), std::min(bytes.size(), kPiece));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_file(path, "written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

/// The target of a path after following links; it need not exist.
std::filesystem::path end_of_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // the system's own limit
  std::filesystem::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    char buffer[PATH_MAX];
    const ssize_t size = ::readlink(at.c_str(), buffer, sizeof buffer);
    if (size < 0) return at;
    // operator/ replaces the whole path if the link is absolute.
    at = at.parent_path() / std::string(buffer, static_cast<std::size_t>(size));
  }
  fail_file(path, "written", ELOOP);
}

/// Path of the file to replace, links followed, and its permissions.
struct Target {
  std::filesystem::path path;
  bool exists = false;
  mode_t mode = 0;
};

Target find_target(const std::string& path) {
  Target target{end_of_links(path)};
  struct stat status {};
  if (::stat(target.path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail_file(path, "written", errno);
    return target;
  }
  // rename() would replace a device or a pipe by a regular file.
  require_regular(path, "written", status.st_mode);
  target.exists = true;
  target.mode = status.st_mode & 0777;
  return target;
}

/// Creates a new file with a unique name in `folder`. It must be the target's
/// folder, because rename() works only within a file system.
std::pair<int, std::string> create_unique(const std::filesystem::path& folder,
                                          const std::string& path) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::string name =
        folder / join(".vae-", ::getpid(), "-", counter++, ".tmp");
    const int fd =
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return {fd, name};
    if (errno != EEXIST && errno != EINTR) fail_file(path, "written", errno);
  }
  fail_file(path, "written", EEXIST);
}

[[noreturn]] void fail_rename(const std::string& path, int error) {
  if (error != EBUSY) fail_file(path, "written", error);
  // For example a single file mounted into a container.
  fail(Status::file, path,
       " cannot be written: ", std::generic_category().message(error),
       "; it is a mount point and cannot be replaced; mount its directory "
       "instead");
}

/// Makes the rename durable. If the directory cannot be opened or synced, this
/// is not an error: the file is already in place.
void sync_folder(const std::filesystem::path& folder, const std::string& path) {
  Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return;
  if (::fsync(fd.get()) != 0 && errno == EIO) fail_file(path, "synced", errno);
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::uint64_t limit) {
  // O_NONBLOCK: open() must not wait on a pipe, which is rejected below.
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) fail_file(path, "read", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail_file(path, "read", errno);
  require_regular(path, "read", status.st_mode);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  require(size <= limit, Status::format, path, " has ", size,
          " bytes; at most ", limit, " are allowed");

  std::vector<std::byte> bytes(size);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + done,
                               std::min(bytes.size() - done, kPiece));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file(path, "read", errno);
    if (got == 0) break;  // truncated while reading; the parser checks
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void require_readable(const std::error_code& error, const std::string& path) {
  if (error) fail_file(path, "read", error.value());
}

void write_file_atomically(const std::string& path,
                           std::span<const std::byte> bytes) {
  write_file_atomically(path, {bytes});
}

// write, fsync, close, rename, fsync of the directory: after a crash the path
// has the old or the new content, never a part.
void write_file_atomically(
    const std::string& path,
    std::initializer_list<std::span<const std::byte>> pieces) {
  const Target target = find_target(path);
  std::filesystem::path folder = target.path.parent_path();
  if (folder.empty()) folder = ".";

  auto [raw, name] = create_unique(folder, path);
  Temporary temporary(std::move(name));
  Descriptor fd(raw);
  if (target.exists && ::fchmod(fd.get(), target.mode) != 0)
    fail_file(path, "written", errno);
  for (const auto& piece : pieces) write_all(fd.get(), piece, path);
  if (::fsync(fd.get()) != 0) fail_file(path, "synced", errno);
  if (!fd.reset()) fail_file(path, "written", errno);
  if (::rename(temporary.path().c_str(), target.path.c_str()) != 0)
    fail_rename(path, errno);
  temporary.keep();
  sync_folder(folder, path);
}

}  // namespace vae::io
