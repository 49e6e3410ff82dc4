// One run at a time writes into a folder.
#pragma once

#include <string>

namespace cli {

/// Holds a folder until it is destroyed or its process ends, however that is.
class FolderLock {
 public:
  /// Throws Failure if another process holds the folder.
  explicit FolderLock(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Why the file system gave no lock; empty if it did.
  const std::string& problem() const { return problem_; }

 private:
  int folder_;
  std::string problem_;
};

}  // namespace cli
