// Whole files: after a write there is the new or the old file, and no other.
#include "io/file.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "unit/testing.hpp"

namespace vae::io {
namespace {

using testing::error_of;
using testing::put;
using testing::says;
using testing::slurp;
using testing::TempFolder;
using testing::to_bytes;

/// Files of this process cannot grow beyond `bytes` while it lives.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit small{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int) = nullptr;
  rlimit before_{};
};

TEST_CASE("a file is read as it was written") {
  const TempFolder folder;
  const std::string path = folder / "a.bin";
  for (const std::size_t size : {0, 1, 4096, 1 << 20}) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<std::byte>(i * 31 >> 3);
    write_file_atomically(path, bytes);
    CHECK(read_file(path) == bytes);
    CHECK(folder.names() == std::vector<std::string>{"a.bin"});
  }
}

TEST_CASE("a file name without a folder means the current folder") {
  const TempFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  write_file_atomically("plain", to_bytes("x"));
  std::filesystem::current_path(before);
  CHECK(slurp(folder / "plain") == "x");
}

TEST_CASE(
    "an overwritten file keeps its permissions, a new one has the usual") {
  const TempFolder folder;
  const std::string path = folder / "a";
  const mode_t mask = ::umask(022);
  write_file_atomically(path, to_bytes("1"));
  ::umask(mask);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0644);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  write_file_atomically(path, to_bytes("2"));
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a link stays a link and its target is written") {
  const TempFolder folder;
  put(folder / "real", to_bytes("old"));
  std::filesystem::create_symlink("real", folder / "link");
  write_file_atomically(folder / "link", to_bytes("new"));
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(slurp(folder / "real") == "new");
}

TEST_CASE("a dangling link stays a link, and its target is created") {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::create_symlink("sub/first", folder / "link");
  std::filesystem::create_symlink("second", folder / "sub/first");
  write_file_atomically(folder / "link", to_bytes("new"));
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(std::filesystem::is_symlink(folder / "sub/first"));
  CHECK(slurp(folder / "sub/second") == "new");
  std::filesystem::create_symlink("round", folder / "round");
  says(error_of(Status::file,
                [&] { write_file_atomically(folder / "round", {}); }),
       "Too many levels of symbolic links");
}

TEST_CASE("pieces are written one after the other") {
  const TempFolder folder;
  const auto head = to_bytes("head"), body = to_bytes("body");
  write_file_atomically(folder / "a", {head, {}, body});
  CHECK(slurp(folder / "a") == "headbody");
}

TEST_CASE("a full disk leaves the old file and no other") {
  const TempFolder folder;
  const std::string path = folder / "model";
  put(path, to_bytes("old"));
  std::string text;
  {
    const SmallDisk disk(1000);
    text = error_of(Status::file, [&] {
      write_file_atomically(path, std::vector<std::byte>(5000));
    });
  }
  says(text, path + " cannot be written: File too large");
  CHECK(slurp(path) == "old");
  CHECK(folder.names() == std::vector<std::string>{"model"});
}

TEST_CASE("a target that cannot be replaced is an error and unchanged") {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "sub");
  says(error_of(Status::file,
                [&] { write_file_atomically(folder / "sub", {}); }),
       "Is a directory");
  says(error_of(Status::file,
                [&] { write_file_atomically(folder / "no/such", {}); }),
       "No such file");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  says(error_of(Status::file,
                [&] { write_file_atomically(folder / "pipe", {}); }),
       folder / "pipe" +
           " cannot be written: it is a pipe (FIFO), not a regular file");
  CHECK(std::filesystem::is_fifo(folder / "pipe"));
  says(error_of(Status::file, [&] { write_file_atomically("/dev/null", {}); }),
       "/dev/null cannot be written: it is a device, not a regular file");
  says(error_of(Status::file, [&] { write_file_atomically("", {}); }),
       "'' cannot be written: No such file or directory");
  CHECK(folder.names().size() == 2);
}

/// Runs `body` in a process of its own where `path` is a mount point; its
/// text, or nothing where mounting is not permitted.
template <class Body>
std::string where_mounted(const std::string& path, const Body& body) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool apart = ::unshare(CLONE_NEWNS) == 0 ||
                       ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (apart &&
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
        ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0) {
      const std::string text = body();
      (void)!::write(ends[1], text.data(), text.size());
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t got = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

TEST_CASE("a file that is a mount point is kept, and the error says why") {
  const TempFolder folder;
  const std::string path = folder / "mounted";
  put(path, to_bytes("old"));
  const std::string text = where_mounted(path, [&] {
    try {
      write_file_atomically(path, to_bytes("new"));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error was thrown");
  });
  if (text.empty()) {
    MESSAGE("skipped: mounting is not permitted here");
    return;
  }
  CHECK(text == path +
                    " cannot be written: Device or resource busy; it is a "
                    "mount point and cannot be replaced; mount its directory "
                    "instead");
  CHECK(slurp(path) == "old");
  CHECK(folder.names() == std::vector<std::string>{"mounted"});
}

TEST_CASE("a path that is not a regular file is an error, without waiting") {
  const TempFolder folder;
  says(error_of(Status::file, [&] { read_file(folder / "none"); }),
       "No such file");
  says(error_of(Status::file, [&] { read_file(folder.path()); }),
       "Is a directory");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  says(error_of(Status::file, [&] { read_file(folder / "pipe"); }),
       "not a regular file");
  says(error_of(Status::file, [&] { read_file("/dev/zero"); }),
       "not a regular file");
}

TEST_CASE("a file over the limit is refused with both numbers") {
  const TempFolder folder;
  put(folder / "a", std::vector<std::byte>(11));
  CHECK(read_file(folder / "a", 11).size() == 11);
  const std::string text =
      error_of(Status::format, [&] { read_file(folder / "a", 10); });
  says(text, "11 bytes");
  says(text, "at most 10");
}

}  // namespace
}  // namespace vae::io
