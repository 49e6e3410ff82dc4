// A file that appears under its name whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Written under a name of its own beside the target, renamed at the end. Links
/// are followed; a target that exists keeps its permissions.
class NewFile {
 public:
  /// Throws Failure where check_target() does.
  explicit NewFile(const std::string& path);
  ~NewFile();  // without finish(), nothing is left
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void add(std::string_view bytes);
  void finish();

 private:
  [[noreturn]] void fail() const;

  std::string path_, target_, temporary_;
  int file_ = -1;
};

}  // namespace cli
