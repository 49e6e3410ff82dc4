// mkstemp() finds a name that nobody else has, another run of this command
// included.
#include "new_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "output.hpp"
#include "targets.hpp"

namespace cli {

namespace {

mode_t mode_for(const std::string& target) {
  struct stat status {};
  if (::stat(target.c_str(), &status) == 0) return status.st_mode & 0777;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

NewFile::NewFile(const std::string& path) : path_(path) {
  check_target(path);
  target_ = link_target(path);
  const auto folder = std::filesystem::path(target_).parent_path();
  temporary_ = (folder / ".vae-XXXXXX").string();
  file_ = ::mkstemp(temporary_.data());
  if (file_ < 0) {
    temporary_.clear();
    fail();
  }
}

NewFile::~NewFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void NewFile::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(file_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail();
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

void NewFile::finish() {
  if (::fchmod(file_, mode_for(target_)) != 0) fail();
  if (::fsync(file_) != 0) fail();
  if (::close(std::exchange(file_, -1)) != 0) fail();
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail();
  temporary_.clear();
}

void NewFile::fail() const {
  throw Failure(VAE_E_FILE, path_ + " cannot be written: " + reason(errno));
}

}  // namespace cli
