// A lock, so that one run at a time writes to a folder.
#pragma once

#include <string>

namespace cli {

/// Locks a folder until it is destroyed or the process ends in any way.
class FolderLock {
 public:
  /// Throws Failure if another process has locked the folder.
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Why the file system could not lock; empty if it could.
  const std::string& problem() const { return problem_; }

 private:
  int folder_;
  std::string problem_;
};

}  // namespace cli
