// flock() on the folder itself: it creates no file and ends with the process.
#include "lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "output.hpp"

namespace cli {

FolderLock::FolderLock(const std::string& path)
    : folder_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (folder_ >= 0 && ::flock(folder_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  if (folder_ >= 0 && error == EWOULDBLOCK) {
    ::close(folder_);
    throw Failure(VAE_E_FILE, path + ": another run is writing into it");
  }
  problem_ = reason(error);  // for example a network file system without locks
}

FolderLock::~FolderLock() {
  if (folder_ >= 0) ::close(folder_);
}

}  // namespace cli
