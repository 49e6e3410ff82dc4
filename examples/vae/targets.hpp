// Checks output files before the work starts, so that hours of training do not
// end with a file that cannot be written.
#pragma once

#include <string>

namespace cli {

/// Throws Failure unless a file of this name can be written or replaced: its
/// folder is there, and what has the name, links followed, is a regular file
/// that is not mounted by itself.
void check_target(const std::string& path);

/// Whether both names, links followed, are of one file, be it there or not.
bool same_target(const std::string& one, const std::string& other);

}  // namespace cli
