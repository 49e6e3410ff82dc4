// Checks output files before the work starts, so that hours of training do not
// end with a file that cannot be written.
#pragma once

#include <string>

namespace cli {

/// Throws Failure unless a file of this name can be written or replaced: its
/// folder exists, and its target, links followed, is missing or a regular file
/// that is not a mount point.
void check_target(const std::string& path);

/// Whether both names, links followed, are of one file, which need not exist.
bool same_target(const std::string& one, const std::string& other);

}  // namespace cli
