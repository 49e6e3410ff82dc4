// Reading and replacing whole files over POSIX calls; the one file of this room
// that talks to the operating system.
#include "io/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/check.hpp"

namespace vae::io {
namespace {

// Linux transfers at most 2 GiB per call; smaller pieces also keep interrupts
// short.
constexpr std::size_t kPiece = std::size_t{1} << 30;

[[noreturn]] void fail_file(const char* doing, const std::string& path,
                            int error) {
  fail(Status::file, "cannot ", doing, " '", path,
       "': ", std::generic_category().message(error));
}

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
    if (done < 0) fail_file("write", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

/// Where the bytes must land, links followed, and the permissions they get.
struct Target {
  std::filesystem::path path;
  bool exists = false;
  mode_t mode = 0;
};

Target find_target(const std::string& path) {
  Target target{path};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail_file("write", path, errno);
    return target;
  }
  if (S_ISDIR(status.st_mode)) fail_file("write", path, EISDIR);
  // Renaming over a device or a pipe would replace it by a plain file.
  require(S_ISREG(status.st_mode), Status::file, "cannot write '", path,
          "': it exists and is not a regular file");
  std::error_code error;
  target.path = std::filesystem::canonical(path, error);
  if (error) fail_file("write", path, error.value());
  target.exists = true;
  target.mode = status.st_mode & 0777;
  return target;
}

/// Creates a new file in `folder` that nobody else has.
std::pair<int, std::string> create_unique(const std::filesystem::path& folder,
                                          const std::string& path) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::string name =
        folder / join(".vae-", ::getpid(), "-", counter++, ".tmp");
    const int fd =
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return {fd, name};
    if (errno != EEXIST && errno != EINTR) fail_file("write", path, errno);
  }
  fail_file("write", path, EEXIST);
}

/// Makes the rename durable. A file system that cannot sync a folder, or a
/// folder that we may not open, is no reason to fail: the file is in place.
void sync_folder(const std::filesystem::path& folder, const std::string& path) {
  Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return;
  if (::fsync(fd.get()) != 0 && errno == EIO) fail_file("sync", path, errno);
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, std::uint64_t limit) {
  // Not blocking, so that a pipe is refused below instead of waited for.
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) fail_file("read", path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail_file("read", path, errno);
  if (S_ISDIR(status.st_mode)) fail_file("read", path, EISDIR);
  require(S_ISREG(status.st_mode), Status::file, "cannot read '", path,
          "': not a regular file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  require(size <= limit, Status::format, "'", path, "' has ", size,
          " bytes; at most ", limit, " are allowed");

  std::vector<std::byte> bytes(size);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + done,
                               std::min(bytes.size() - done, kPiece));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_file("read", path, errno);
    if (got == 0) break;  // shortened while we read; the parser decides
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void write_file_atomically(const std::string& path,
                           std::span<const std::byte> bytes) {
  const Target target = find_target(path);
  std::filesystem::path folder = target.path.parent_path();
  if (folder.empty()) folder = ".";

  auto [raw, name] = create_unique(folder, path);
  Temporary temporary(std::move(name));
  Descriptor fd(raw);
  if (target.exists && ::fchmod(fd.get(), target.mode) != 0)
    fail_file("write", path, errno);
  write_all(fd.get(), bytes, path);
  if (::fsync(fd.get()) != 0) fail_file("sync", path, errno);
  if (!fd.reset()) fail_file("write", path, errno);
  if (::rename(temporary.path().c_str(), target.path.c_str()) != 0)
    fail_file("write", path, errno);
  temporary.keep();
  sync_folder(folder, path);
}

}  // namespace vae::io
